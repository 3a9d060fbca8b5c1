/** Up and down through a list: moves the focus among the elements that a selector finds, from a search field into its results and back. */
export function moveByArrows(event: KeyboardEvent, within: HTMLElement | null, selector: string): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
  const stops = [...(within?.querySelectorAll<HTMLElement>(selector) ?? [])]
  const at = stops.indexOf(document.activeElement as HTMLElement)
  if (at < 0) return
  event.preventDefault()
  stops[Math.max(0, Math.min(at + (event.key === 'ArrowDown' ? 1 : -1), stops.length - 1))]!.focus()
}
