/**
 * The plan of a query as a tree, a row an operator, what it reads below it. Once the query has run, bars show where its time went: the dark
 * part is the operator's own, the light part that of what it reads.
 */
import type { PlanNode } from './api.ts'
import { printBytes, printLarge } from './value.ts'

export interface ExplainProps {
  readonly plan: PlanNode
  readonly measured: boolean
  readonly tookMs: number
}

interface Row {
  readonly node: PlanNode
  readonly depth: number
  /** For each level above, whether another branch follows below. */
  readonly guides: readonly boolean[]
  readonly ownMs: number
}

interface Column {
  readonly name: string
  readonly title: string
  readonly of: (node: PlanNode) => number | undefined
  readonly print: (value: number) => string
}

/** What is measured beside the time. A column that is zero everywhere is left out. */
const COLUMNS: readonly Column[] = [
  { name: 'series', title: 'Series given to the operator above', of: ({ series }) => series, print: printLarge },
  { name: 'samples', title: 'Samples given to the operator above', of: ({ samples }) => samples, print: printLarge },
  { name: 'read', title: 'Samples read from the store', of: ({ samplesRead }) => samplesRead, print: printLarge },
  { name: 'decoded', title: 'Bytes of the chunks that were decoded', of: ({ bytesDecoded }) => bytesDecoded, print: printBytes },
  {
    name: 'skipped',
    title: 'Chunks of the same series that were passed over, since they lie outside the time that is asked for',
    of: ({ chunksSkipped }) => chunksSkipped,
    print: printLarge,
  },
]

export function Explain({ plan, measured, tookMs }: ExplainProps) {
  const rows = toRows(plan, 0, [])
  const total = Math.max(...rows.map(({ node }) => node.timeMs ?? 0))
  const columns = measured ? COLUMNS.filter(({ of }) => rows.some(({ node }) => (of(node) ?? 0) > 0)) : []
  const samplesRead = rows.reduce((sum, { node }) => sum + (node.samplesRead ?? 0), 0)
  return (
    <div class="explain">
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Operator</th>
              {measured && (
                <th scope="col" class="time">
                  Time
                </th>
              )}
              {columns.map(({ name, title }) => (
                <th key={name} scope="col" class="number" title={title}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <PlanRow key={index} row={row} total={measured ? total : null} columns={columns} />
            ))}
          </tbody>
        </table>
      </div>
      <footer>
        {measured
          ? `${total.toFixed(1)} ms in the plan · ${printLarge(samplesRead)} samples read · ${Math.round(tookMs)} ms with the way to the server`
          : 'The plan. Measuring what it takes…'}
      </footer>
    </div>
  )
}

interface PlanRowProps {
  readonly row: Row
  /** The time of the whole plan; null before it has run. */
  readonly total: number | null
  readonly columns: readonly Column[]
}

function PlanRow({ row: { node, depth, guides, ownMs }, total, columns }: PlanRowProps) {
  const { operator, detail, query, timeMs = 0 } = node
  const [verb, ...rest] = operator.split(' ')
  return (
    <tr>
      <th scope="row" aria-level={depth + 1}>
        <div class="node">
          {guides.map((goesOn, level) => (
            <i key={level} class={level < guides.length - 1 ? (goesOn ? 'line' : 'gap') : goesOn ? 'branch' : 'corner'} />
          ))}
          <div class="what">
            <span>
              <b>{verb}</b> {rest.join(' ')} <span class="detail">{detail}</span>
            </span>
            {query !== detail && <code title={query}>{query}</code>}
          </div>
        </div>
      </th>
      {total !== null && <Time timeMs={timeMs} ownMs={ownMs} total={total} />}
      {columns.map(({ name, of, print }) => {
        const value = of(node) ?? 0
        return (
          <td key={name} class="number" data-label={name}>
            {value > 0 && print(value)}
          </td>
        )
      })}
    </tr>
  )
}

function Time({ timeMs, ownMs, total }: { readonly timeMs: number; readonly ownMs: number; readonly total: number }) {
  const share = (ms: number): string => `${total > 0 ? Math.min(100, (100 * ms) / total) : 0}%`
  return (
    <td class="time">
      <span class="bar" aria-hidden="true">
        <i class="all" style={{ width: share(timeMs) }} />
        <i class="own" style={{ width: share(ownMs) }} />
      </span>
      <span class="ms" title={`${ownMs.toFixed(2)} ms of it its own`}>
        {timeMs.toFixed(timeMs < 10 ? 2 : 1)} ms
      </span>
    </td>
  )
}

function toRows(node: PlanNode, depth: number, guides: readonly boolean[]): Row[] {
  const below = node.inputs.reduce((sum, input) => sum + (input.timeMs ?? 0), 0)
  const row = { node, depth, guides, ownMs: Math.max(0, (node.timeMs ?? 0) - below) }
  const last = node.inputs.length - 1
  return [row, ...node.inputs.flatMap((input, index) => toRows(input, depth + 1, [...guides, index < last]))]
}
