/**
 * PromQL in the editor: tsink's language service as an extension of CodeMirror. It colours at once; it completes, diagnoses and explains from
 * what the server knows, after a pause in typing, and drops what it had asked when the text moves on.
 */
import { autocompletion, startCompletion, type Completion, type CompletionContext, type CompletionResult } from '@codemirror/autocomplete'
import { linter, type Diagnostic } from '@codemirror/lint'
import { RangeSetBuilder, type Extension } from '@codemirror/state'
import { Decoration, hoverTooltip, ViewPlugin, type DecorationSet, type EditorView, type ViewUpdate } from '@codemirror/view'
import {
  addMatcher,
  complete,
  diagnose,
  highlight,
  hover,
  MAX_COMPLETIONS,
  narrowCompletions,
  parseExpr,
  prettyPrint,
  type Completion as Item,
} from '@tsink/promql'
import { Matcher } from '@tsink/core'
import { serverFeatures, serverMetadata } from './metadata.ts'

/** The pause in typing after which the text is diagnosed. */
const DIAGNOSE_AFTER_MS = 600
/** The pause after which completions are asked for: a quick typist asks once a word. */
const COMPLETE_AFTER_MS = 90
/** Texts beyond this are not coloured: each key would cost milliseconds. */
const MAX_COLOURED = 50_000

const features = serverFeatures(new AbortController().signal)

export function promqlLanguage(): Extension {
  return [
    colours,
    autocompletion({
      override: [completions],
      activateOnTypingDelay: COMPLETE_AFTER_MS,
      icons: false,
      optionClass: ({ type }) => `completion-${type}`,
      addToOptions: [{ render: badge, position: 20 }],
    }),
    diagnoses(),
    hoverTooltip(explanation, { hideOnChange: true, hoverTime: 350 }),
  ]
}

/** The query over several lines where it is long, or null when it does not parse. */
export async function formatQuery(query: string): Promise<string | null> {
  try {
    return prettyPrint(parseExpr(query, await features))
  } catch {
    return null
  }
}

/** The query with `label="value"` at each selector of the metric; without such a selector, the metric alone is selected. */
export async function narrowQuery(query: string, metric: string, label: string, value: string): Promise<string | null> {
  return addMatcher(query, metric, Matcher.equal(label, value), await features)
}

const colours = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet
    constructor(view: EditorView) {
      this.decorations = coloured(view)
    }
    update({ docChanged, view }: ViewUpdate): void {
      if (docChanged) this.decorations = coloured(view)
    }
  },
  { decorations: (plugin) => plugin.decorations },
)

function coloured(view: EditorView): DecorationSet {
  const builder = new RangeSetBuilder<Decoration>()
  if (view.state.doc.length <= MAX_COLOURED) {
    for (const { from, to, kind } of highlight(view.state.doc.toString())) builder.add(from, to, Decoration.mark({ class: `tok-${kind}` }))
  }
  return builder.finish()
}

async function completions(context: CompletionContext): Promise<CompletionResult | null> {
  const text = context.state.doc.toString()
  const asking = new AbortController()
  context.addEventListener('abort', () => asking.abort(), { onDocChange: true })
  try {
    const { from, to, items } = await complete(text, context.pos, serverMetadata(asking.signal), await features)
    const word = text.slice(from, to)
    // Between words only an explicit wish or an opening character asks for a list.
    const opens = /[({[,"'`=~@]\s*$/.test(text.slice(0, from))
    if (items.length === 0 || (word === '' && !context.explicit && !opens)) return null
    if (items.length === 1 && items[0]!.insert === word) return null
    return { from, to, options: items.map(toOption), filter: false, update: narrowing(word, items) }
  } catch {
    // The text moved on.
    return null
  }
}

/** Narrows a list while its word grows, so that it never stands still behind what is typed. Null asks again. */
function narrowing(word: string, items: readonly Item[]): NonNullable<CompletionResult['update']> {
  return (current, from, _to, context) => {
    const grown = context.state.sliceDoc(from, context.pos)
    const isSameList = items.length < MAX_COMPLETIONS && grown.startsWith(word) && /^[\w:]*$/.test(grown.slice(word.length))
    const left = isSameList ? narrowCompletions(grown, items) : []
    return left.length === 0 ? null : { ...current, from, to: context.pos, options: left.map(toOption) }
  }
}

function toOption(item: Item): Completion {
  const { kind, label, detail, about } = item
  const info = kind === 'metric' ? () => metricInfo(label) : about === '' ? {} : { info: about }
  return {
    label,
    type: kind,
    detail,
    apply: (view, _, from, to) => insert(view, item, from, to),
    ...(typeof info === 'function' ? { info } : info),
  }
}

/** Puts a completion in, with what must follow it, and asks for the next where it is clear what that is. */
function insert(view: EditorView, { kind, insert: text }: Item, from: number, to: number): void {
  const next = view.state.sliceDoc(to, to + 1)
  const { inserted, caret, goOn } = completed(view.state.sliceDoc(0, from), kind, text, next)
  view.dispatch({
    changes: { from, to, insert: inserted },
    selection: { anchor: from + caret },
    userEvent: 'input.complete',
    scrollIntoView: true,
  })
  if (goOn) startCompletion(view)
}

function completed(before: string, kind: Item['kind'], text: string, next: string): { inserted: string; caret: number; goOn: boolean } {
  if (kind === 'function') {
    if (next === '(') return { inserted: text.slice(0, -1), caret: text.length - 1, goOn: false }
    return { inserted: `${text})`, caret: text.length, goOn: true }
  }
  if (kind === 'label' && next !== '=' && next !== '!' && isInBraces(before)) {
    return { inserted: `${text}=""`, caret: text.length + 2, goOn: true }
  }
  return { inserted: text, caret: text.length, goOn: false }
}

/** Whether the braces of a selector are open behind a text. */
function isInBraces(text: string): boolean {
  const outsideStrings = text.replaceAll(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`/g, '')
  return outsideStrings.lastIndexOf('{') > outsideStrings.lastIndexOf('}')
}

function badge({ type }: Completion): Node {
  const element = document.createElement('span')
  element.className = `badge ${type}`
  element.textContent = BADGES[type as Item['kind']]
  element.setAttribute('aria-hidden', 'true')
  return element
}

const BADGES: Readonly<Record<Item['kind'], string>> = {
  metric: 'm',
  function: 'ƒ',
  aggregation: 'Σ',
  keyword: 'k',
  operator: '±',
  label: 'l',
  value: '"',
  duration: 't',
}

async function metricInfo(metric: string): Promise<Node | null> {
  const description = await serverMetadata(new AbortController().signal).describe(metric)
  if (description === null) return null
  const { type, unit, help } = description
  return note(unit === '' ? type : `${type}, in ${unit}`, help)
}

function diagnoses(): Extension {
  let asking = new AbortController()
  return linter(
    async (view): Promise<Diagnostic[]> => {
      asking.abort()
      asking = new AbortController()
      const { signal } = asking
      const text = view.state.doc.toString()
      if (text.trim() === '') return []
      try {
        const found = await diagnose(text, serverMetadata(signal), await features)
        return found.map(({ from, to, severity, message }) => ({ ...visible(text, from, to), severity, message }))
      } catch {
        // The text moved on; what is found for it comes later.
        return []
      }
    },
    { delay: DIAGNOSE_AFTER_MS },
  )
}

/** A stretch with at least one character in it, since nothing cannot be underlined. */
function visible(text: string, from: number, to: number): { from: number; to: number } {
  if (to > from) return { from, to }
  return from < text.length ? { from, to: from + 1 } : { from: Math.max(0, from - 1), to: from }
}

async function explanation(view: EditorView, at: number): Promise<{ pos: number; end: number; create: () => { dom: HTMLElement } } | null> {
  const text = view.state.doc.toString()
  const found = await hover(text, at, serverMetadata(new AbortController().signal))
  // Whoever has gone on typing meanwhile does not want to read.
  if (found === null || view.state.doc.toString() !== text) return null
  return { pos: found.from, end: found.to, create: () => ({ dom: note(found.title, found.about) }) }
}

function note(title: string, about: string): HTMLElement {
  const element = document.createElement('div')
  element.className = 'note-box'
  const head = element.appendChild(document.createElement('b'))
  head.textContent = title
  if (about === '') return element
  const text = element.appendChild(document.createElement('p'))
  // Every other part stands in backquotes.
  for (const [i, part] of about.split('`').entries()) {
    text.appendChild(document.createElement(i % 2 === 0 ? 'span' : 'code')).textContent = part
  }
  return element
}
