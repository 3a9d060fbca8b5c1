/** A row of tabs as screen readers and keyboards expect it: one stop for the Tab key, arrows move. */
import { useRef } from 'preact/hooks'

export interface TabsProps<T extends string> {
  readonly tabs: readonly (readonly [tab: T, name: string])[]
  readonly selected: T
  /** The id of what the tabs show. */
  readonly controls: string
  readonly onSelect: (tab: T) => void
}

const MOVES: Readonly<Record<string, number>> = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }

export function Tabs<T extends string>({ tabs, selected, controls, onSelect }: TabsProps<T>) {
  const list = useRef<HTMLDivElement>(null)
  const move = (event: KeyboardEvent): void => {
    const by = MOVES[event.key]
    if (by === undefined) return
    event.preventDefault()
    const at = tabs.findIndex(([tab]) => tab === selected)
    const to = Number.isFinite(by) ? (at + by + tabs.length) % tabs.length : by < 0 ? 0 : tabs.length - 1
    onSelect(tabs[to]![0])
    list.current?.querySelectorAll('button')[to]?.focus()
  }
  return (
    <div class="tabs" role="tablist" ref={list} onKeyDown={move}>
      {tabs.map(([tab, name]) => (
        <button
          key={tab}
          type="button"
          role="tab"
          aria-selected={tab === selected}
          aria-controls={controls}
          tabIndex={tab === selected ? 0 : -1}
          onClick={() => onSelect(tab)}
        >
          {name}
        </button>
      ))}
    </div>
  )
}
