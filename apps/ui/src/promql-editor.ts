/**
 * The PromQL editor: CodeMirror, loaded on its own after the page stands. The language comes after it, so that one can type at once.
 */
import { closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching } from '@codemirror/language'
import { lintKeymap } from '@codemirror/lint'
import { Compartment, EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'

export interface PromqlEditor {
  setValue(value: string): void
  /** Puts text at the cursor, in the place of what is selected. */
  insert(text: string): void
  focus(): void
  destroy(): void
}

export interface EditorOptions {
  readonly value: string
  readonly onChange: (value: string) => void
  readonly onRun: () => void
  readonly onFormat: () => void
}

export function createEditor(parent: HTMLElement, options: EditorOptions): PromqlEditor {
  const language = new Compartment()
  const does = (act: () => void) => (): boolean => {
    act()
    return true
  }
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.value,
      extensions: [
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run: does(options.onRun) }])),
        keymap.of([
          ...completionKeymap,
          ...closeBracketsKeymap,
          { key: 'Enter', run: does(options.onRun) },
          { key: 'Shift-Alt-f', run: does(options.onFormat) },
          ...defaultKeymap,
          ...historyKeymap,
          ...lintKeymap,
        ]),
        history(),
        bracketMatching(),
        closeBrackets(),
        language.of([]),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'PromQL query', spellcheck: 'false' }),
        placeholder('PromQL, for example rate(http_requests_total[5m])'),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString())
        }),
      ],
    }),
  })
  void import('./language.ts').then(({ promqlLanguage }) => view.dispatch({ effects: language.reconfigure(promqlLanguage()) }))
  return {
    setValue(value) {
      const current = view.state.doc.toString()
      if (value !== current) view.dispatch({ changes: { from: 0, to: current.length, insert: value }, selection: { anchor: value.length } })
    },
    insert(text) {
      view.dispatch(view.state.replaceSelection(text))
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  }
}
