/** The queries that were run before, in a menu that one can search. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { moveByArrows } from './arrows.ts'
import { clearHistory, queryHistory } from './history.ts'
import { HistoryIcon } from './icons.tsx'

export function HistoryMenu({ onPick }: { readonly onPick: (query: string) => void }) {
  const [open, setOpen] = useState(false)
  const [wanted, setWanted] = useState('')
  const menu = useRef<HTMLDivElement>(null)
  const button = useRef<HTMLButtonElement>(null)

  useEffect(() => {
    if (!open) return
    const outside = (event: Event): void => {
      if (!(event.target instanceof Node && menu.current?.contains(event.target))) setOpen(false)
    }
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  }, [open])

  const close = (): void => {
    setOpen(false)
    button.current?.focus()
  }
  const move = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') return close()
    moveByArrows(event, menu.current, 'input, li button')
  }
  const found = open ? queryHistory().filter((query) => query.toLowerCase().includes(wanted.toLowerCase())) : []
  return (
    <div class="history-menu" ref={menu} onKeyDown={open ? move : undefined}>
      <button
        ref={button}
        type="button"
        class="icon"
        title="Queries you ran before"
        aria-label="Queries you ran before"
        aria-expanded={open}
        onClick={() => {
          setWanted('')
          setOpen(!open)
        }}
      >
        <HistoryIcon />
      </button>
      {open && (
        <div class="menu" role="dialog" aria-label="Query history">
          <div class="menu-head">
            <input
              type="search"
              placeholder="Search your queries"
              aria-label="Search your queries"
              autofocus
              ref={(input) => input?.focus({ preventScroll: true })}
              value={wanted}
              onInput={(event) => setWanted(event.currentTarget.value)}
            />
            <button
              type="button"
              class="link"
              onClick={() => {
                clearHistory()
                close()
              }}
            >
              Clear
            </button>
          </div>
          <ul>
            {found.map((query) => (
              <li key={query}>
                <button
                  type="button"
                  onClick={() => {
                    close()
                    onPick(query)
                  }}
                >
                  <code>{query}</code>
                </button>
              </li>
            ))}
          </ul>
          {found.length === 0 && (
            <p class="empty">
              {wanted === '' ? 'Nothing yet: queries that you run are kept here, in this browser.' : 'None of your queries says that.'}
            </p>
          )}
        </div>
      )}
    </div>
  )
}
