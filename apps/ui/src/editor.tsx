/**
 * The query box: a plain text field at once, and the PromQL editor with completion as soon as its code has come.
 */
import { useEffect, useRef } from 'preact/hooks'
import type { PromqlEditor } from './promql-editor.ts'

export interface EditorProps {
  readonly value: string
  readonly onChange: (value: string) => void
  readonly onRun: () => void
}

export function Editor({ value, onChange, onRun }: EditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<PromqlEditor | null>(null)
  const latest = useRef({ value, onChange, onRun })
  latest.current = { value, onChange, onRun }

  useEffect(() => {
    let gone = false
    const load = async (): Promise<void> => {
      const { createEditor } = await import('./promql-editor.ts')
      if (gone || host.current === null) return
      const plain = host.current.querySelector('textarea')
      const focused = document.activeElement === plain
      editor.current = createEditor(host.current, {
        value: latest.current.value,
        onChange: (next) => latest.current.onChange(next),
        onRun: () => latest.current.onRun(),
      })
      plain?.remove()
      if (focused) editor.current.focus()
    }
    void load()
    return () => {
      gone = true
      editor.current?.destroy()
    }
  }, [])

  useEffect(() => editor.current?.setValue(value), [value])

  return (
    <div class="editor" ref={host}>
      <textarea
        class="plain-editor"
        aria-label="PromQL query"
        spellcheck={false}
        rows={1}
        autofocus
        defaultValue={value}
        onInput={(event) => onChange(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey) return
          event.preventDefault()
          onRun()
        }}
      />
    </div>
  )
}
