/**
 * The query box: a plain text field at once, and the PromQL editor as soon as its code has come.
 */
import { useEffect, useRef } from 'preact/hooks'
import type { EditorOptions, PromqlEditor } from './promql-editor.ts'

export interface EditorProps extends EditorOptions {
  readonly autofocus: boolean
  /** Gets the editor when it is there, for those who put text into it. */
  readonly onReady: (editor: PromqlEditor) => void
}

export function Editor(props: EditorProps) {
  const host = useRef<HTMLDivElement>(null)
  const editor = useRef<PromqlEditor | null>(null)
  const latest = useRef(props)
  latest.current = props

  useEffect(() => {
    let gone = false
    const load = async (): Promise<void> => {
      const { createEditor } = await import('./promql-editor.ts')
      if (gone || host.current === null) return
      const plain = host.current.querySelector('textarea')
      const focused = document.activeElement === plain
      editor.current = createEditor(host.current, {
        value: plain?.value ?? latest.current.value,
        onChange: (value) => latest.current.onChange(value),
        onRun: () => latest.current.onRun(),
        onFormat: () => latest.current.onFormat(),
      })
      plain?.remove()
      if (focused) editor.current.focus()
      latest.current.onReady(editor.current)
    }
    void load()
    return () => {
      gone = true
      editor.current?.destroy()
    }
  }, [])

  useEffect(() => editor.current?.setValue(props.value), [props.value])

  return (
    <div class="editor" ref={host}>
      <textarea
        class="plain-editor"
        aria-label="PromQL query"
        spellcheck={false}
        rows={1}
        autofocus={props.autofocus}
        defaultValue={props.value}
        onInput={(event) => props.onChange(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Enter' || event.shiftKey) return
          event.preventDefault()
          props.onRun()
        }}
      />
    </div>
  )
}
