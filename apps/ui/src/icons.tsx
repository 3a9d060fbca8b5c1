/** The page's few icons, drawn in the colour of the text around them. */

function Icon({ path }: { readonly path: string }) {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
    </svg>
  )
}

export const HistoryIcon = () => <Icon path="M3.5 10a6.5 6.5 0 1 0 2-4.7M3.5 3.5v3h3M10 6.5V10l2.5 1.8" />
export const FormatIcon = () => <Icon path="M3 5h14M7 9h10M7 13h7M3 17h14" />
export const CopyIcon = () => <Icon path="M7 7h9v9H7zM13 7V4H4v9h3" />
export const CloseIcon = () => <Icon path="M5 5l10 10M15 5L5 15" />
export const PlusIcon = () => <Icon path="M10 4v12M4 10h12" />
export const SearchIcon = () => <Icon path="M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12zM13.5 13.5L17 17" />
export const BackIcon = () => <Icon path="M12 4l-6 6 6 6" />
export const ListIcon = () => <Icon path="M4 5h12M4 10h12M4 15h7" />

export function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
      <path
        d="M3 21l6-9 4 6 6-12 5 11 5-5"
        fill="none"
        stroke="currentColor"
        stroke-width="3"
        stroke-linecap="round"
        stroke-linejoin="round"
      />
    </svg>
  )
}
