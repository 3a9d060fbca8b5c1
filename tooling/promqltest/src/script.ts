/**
 * Script: the text of a PromQL test as a list of commands. A script is read whole before its first command runs, so a mistake anywhere in
 * it fails at once and names its line.
 *
 *     load 1m                                          clear
 *       up{job="a"} 1x10                               eval range from 0 to 10m step 1m rate(up[5m])
 *                                                        expect no_warn
 *                                                        {job="a"} _ 0x9
 */
import { parseDuration } from '@tsink/promql'

/** A mistake in the script itself, with the line it stands on (from 1). */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
  readonly line: number
  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.line = line
  }
}

/** A line of a block with its number in the script, from 1. */
export interface Line {
  readonly number: number
  readonly text: string
}

export interface LoadCommand {
  readonly type: 'load'
  readonly line: number
  readonly stepMs: number
  /** Also convert classic histograms of the block to native ones with custom buckets. */
  readonly withNhcb: boolean
  readonly series: readonly Line[]
}

export interface EvalCommand {
  readonly type: 'eval'
  readonly line: number
  readonly query: string
  readonly range: { readonly startMs: number; readonly endMs: number; readonly stepMs: number } | null
  /** The evaluation time of an instant query. */
  readonly timeMs: number
  readonly expectations: readonly Expectation[]
  /** The expected string result. */
  readonly string: string | null
  /** The instant query yields a range vector with points on this grid. */
  readonly grid: { readonly startMs: number; readonly endMs: number; readonly stepMs: number } | null
  readonly series: readonly Line[]
}

export type Command = { readonly type: 'clear'; readonly line: number } | LoadCommand | EvalCommand

export type ExpectationType = 'fail' | 'warn' | 'info' | 'no_warn' | 'no_info' | 'ordered'

export interface Expectation {
  readonly type: ExpectationType
  readonly match: { readonly kind: 'msg' | 'regex'; readonly text: string } | null
}

/** @throws ScriptError */
export function parseScript(text: string): readonly Command[] {
  const lines = text.split('\n').map((raw, i): Line => {
    const trimmed = raw.trim()
    return { number: i + 1, text: trimmed.startsWith('#') ? '' : trimmed }
  })
  const commands: Command[] = []
  let at = 0
  while (at < lines.length) {
    const line = lines[at++]!
    if (line.text === '') continue
    const word = line.text.split(/[ \t]/, 1)[0]!.toLowerCase()
    if (word === 'clear') {
      commands.push({ type: 'clear', line: line.number })
      continue
    }
    const block: Line[] = []
    while (at < lines.length && lines[at]!.text !== '') block.push(lines[at++]!)
    if (word.startsWith('load')) commands.push(parseLoad(line, block))
    else if (word.startsWith('eval')) commands.push(parseEval(line, block))
    else throw new ScriptError(line.number, `unknown command ${JSON.stringify(word)}`)
  }
  return commands
}

function parseLoad(line: Line, block: readonly Line[]): LoadCommand {
  const match = /^load(_with_nhcb)?\s+(\S+)$/i.exec(line.text)
  if (match === null) throw new ScriptError(line.number, 'expected `load <step>` or `load_with_nhcb <step>`')
  return { type: 'load', line: line.number, withNhcb: match[1] !== undefined, stepMs: duration(line, match[2]!), series: block }
}

function parseEval(line: Line, block: readonly Line[]): EvalCommand {
  const instant = /^eval(_fail|_warn|_info|_ordered)?\s+instant\s+(?:at\s+(\S+?)\s+)?(\S[^]*)$/i.exec(line.text)
  const range = /^eval(_fail|_warn|_info)?\s+range\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+?)\s+(\S[^]*)$/i.exec(line.text)
  const suffix = (instant ?? range)?.[1]
  const expectations: Expectation[] = suffix === undefined ? [] : [{ type: suffix.slice(1).toLowerCase() as ExpectationType, match: null }]
  const series: Line[] = []
  let string: string | null = null
  let grid: EvalCommand['grid'] = null
  for (const entry of block) {
    const text = entry.text
    let match: RegExpExecArray | null
    if ((match = /^expect\s+string\s+(.+)$/.exec(text))) string = unquote(entry, match[1]!)
    else if ((match = /^expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$/.exec(text))) {
      grid = { startMs: duration(entry, match[1]!), endMs: duration(entry, match[2]!), stepMs: duration(entry, match[3]!) }
    } else if ((match = /^expect\s+(fail|warn|info|no_warn|no_info|ordered)(?:\s+(msg|regex):(.*))?$/.exec(text))) {
      const kind = match[2] as 'msg' | 'regex' | undefined
      expectations.push({ type: match[1] as ExpectationType, match: kind === undefined ? null : { kind, text: match[3]!.trim() } })
    } else if (/^expect\s/.test(text)) throw new ScriptError(entry.number, `unknown expectation ${JSON.stringify(text)}`)
    else if ((match = /^expected_fail_message\s+(.+)$/.exec(text))) legacyFail(expectations, 'msg', match[1]!)
    else if ((match = /^expected_fail_regexp\s+(.+)$/.exec(text))) legacyFail(expectations, 'regex', match[1]!)
    else series.push(entry)
  }
  const common = { type: 'eval', line: line.number, expectations, string, grid, series } as const
  if (range !== null) {
    const [startMs, endMs, stepMs] = [duration(line, range[2]!), duration(line, range[3]!), duration(line, range[4]!)]
    if (endMs < startMs) throw new ScriptError(line.number, 'the range ends before it starts')
    return { ...common, query: range[5]!, range: { startMs, endMs, stepMs }, timeMs: 0 }
  }
  if (instant === null)
    throw new ScriptError(line.number, 'expected `eval instant at <time> <query>` or `eval range from … to … step … <query>`')
  const timeMs = grid?.endMs ?? (instant[2] === undefined ? 0 : duration(line, instant[2]))
  return { ...common, query: instant[3]!, range: null, timeMs }
}

function legacyFail(expectations: Expectation[], kind: 'msg' | 'regex', text: string): void {
  const at = expectations.findIndex((expectation) => expectation.type === 'fail')
  expectations.splice(Math.max(at, 0), at < 0 ? 0 : 1, { type: 'fail', match: { kind, text: text.trim() } })
}

function duration(line: Line, text: string): number {
  if (/^[0-9]+(\.[0-9]+)?$/.test(text)) return Math.round(Number(text) * 1000)
  try {
    return parseDuration(text)
  } catch (cause) {
    throw new ScriptError(
      line.number,
      `${JSON.stringify(text)} is not a duration: ${cause instanceof Error ? cause.message : String(cause)}`,
    )
  }
}

function unquote(line: Line, text: string): string {
  if (text.startsWith('`') && text.endsWith('`')) return text.slice(1, -1)
  try {
    return JSON.parse(text) as string
  } catch {
    throw new ScriptError(line.number, `${text} is not a quoted string`)
  }
}
