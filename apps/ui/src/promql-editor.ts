/**
 * The PromQL editor: CodeMirror with the language's grammar and completion of metrics and labels from the server. Loaded on its own, after
 * the page stands.
 */
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands'
import { bracketMatching, HighlightStyle, syntaxHighlighting } from '@codemirror/language'
import { EditorState, Prec } from '@codemirror/state'
import { EditorView, keymap, placeholder } from '@codemirror/view'
import { tags } from '@lezer/highlight'
import { PromQLExtension } from '@prometheus-io/codemirror-promql'
import { BASE } from './api.ts'

export interface PromqlEditor {
  setValue(value: string): void
  focus(): void
  destroy(): void
}

interface EditorOptions {
  readonly value: string
  readonly onChange: (value: string) => void
  readonly onRun: () => void
}

const highlight = HighlightStyle.define([
  { tag: [tags.name, tags.labelName], color: 'var(--code-name)' },
  { tag: tags.number, color: 'var(--code-number)' },
  { tag: tags.string, color: 'var(--code-string)' },
  { tag: [tags.keyword, tags.modifier, tags.operatorKeyword], color: 'var(--code-keyword)' },
  { tag: tags.function(tags.variableName), color: 'var(--code-function)' },
  { tag: [tags.operator, tags.arithmeticOperator, tags.compareOperator], color: 'var(--code-operator)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
])

export function createEditor(parent: HTMLElement, options: EditorOptions): PromqlEditor {
  const promql = new PromQLExtension().setComplete({ remote: { url: BASE, cache: { initialMetricList: [] } } })
  const view = new EditorView({
    parent,
    state: EditorState.create({
      doc: options.value,
      extensions: [
        Prec.highest(
          keymap.of([
            {
              key: 'Mod-Enter',
              run: () => {
                options.onRun()
                return true
              },
            },
          ]),
        ),
        keymap.of([
          ...completionKeymap,
          ...closeBracketsKeymap,
          {
            key: 'Enter',
            run: () => {
              options.onRun()
              return true
            },
          },
          ...defaultKeymap,
          ...historyKeymap,
        ]),
        history(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        syntaxHighlighting(highlight),
        promql.asExtension(),
        EditorView.lineWrapping,
        EditorView.contentAttributes.of({ 'aria-label': 'PromQL query' }),
        placeholder('PromQL, for example rate(http_requests_total[5m])'),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) options.onChange(update.state.doc.toString())
        }),
      ],
    }),
  })
  return {
    setValue(value) {
      const current = view.state.doc.toString()
      if (value !== current) view.dispatch({ changes: { from: 0, to: current.length, insert: value } })
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  }
}
