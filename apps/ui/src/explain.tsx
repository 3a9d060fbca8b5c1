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

export function Explain({ plan, measured, tookMs }: ExplainProps) {
  const rows = toRows(plan, 0, [])
  const total = Math.max(plan.timeMs ?? 0, ...rows.map(({ node }) => node.timeMs ?? 0))
  const hasChunks = rows.some(({ node }) => node.bytesDecoded !== undefined)
  const sum = (of: (node: PlanNode) => number | undefined): number => rows.reduce((all, { node }) => all + (of(node) ?? 0), 0)
  return (
    <div class="explain">
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th scope="col">Operator</th>
              {measured && (
                <>
                  <th scope="col" class="time">
                    Time
                  </th>
                  <th scope="col" class="number" title="Series given to the operator above">
                    Series
                  </th>
                  <th scope="col" class="number" title="Samples given to the operator above">
                    Samples
                  </th>
                  <th scope="col" class="number" title="Samples read from the store">
                    Read
                  </th>
                  {hasChunks && (
                    <>
                      <th scope="col" class="number" title="Encoded bytes of the chunks that were decoded">
                        Decoded
                      </th>
                      <th
                        scope="col"
                        class="number"
                        title="Chunks of the same series that were passed over, since they lie outside the time that is asked for"
                      >
                        Skipped
                      </th>
                    </>
                  )}
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, index) => (
              <PlanRow key={index} row={row} measured={measured} total={total} hasChunks={hasChunks} />
            ))}
          </tbody>
        </table>
      </div>
      <footer>
        {measured
          ? `${total.toFixed(1)} ms in the plan · ${printLarge(sum((node) => node.samplesRead))} samples read · ${Math.round(tookMs)} ms with the way to the server`
          : 'The plan. Measuring what it takes…'}
      </footer>
    </div>
  )
}

interface PlanRowProps {
  readonly row: Row
  readonly measured: boolean
  readonly total: number
  readonly hasChunks: boolean
}

function PlanRow({ row: { node, depth, guides, ownMs }, measured, total, hasChunks }: PlanRowProps) {
  const { operator, detail, query, timeMs = 0, series = 0, samples = 0, samplesRead = 0, bytesDecoded, chunksSkipped } = node
  const share = (ms: number): string => `${total > 0 ? Math.min(100, (100 * ms) / total) : 0}%`
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
      {measured && (
        <>
          <td class="time">
            <span class="bar" aria-hidden="true">
              <i class="all" style={{ width: share(timeMs) }} />
              <i class="own" style={{ width: share(ownMs) }} />
            </span>
            <span class="ms" title={`${ownMs.toFixed(2)} ms of it its own`}>
              {timeMs.toFixed(timeMs < 10 ? 2 : 1)} ms
            </span>
          </td>
          <td class="number" data-label="series">
            {printLarge(series)}
          </td>
          <td class="number" data-label="samples">
            {printLarge(samples)}
          </td>
          <td class="number" data-label="read">
            {samplesRead === 0 ? '' : printLarge(samplesRead)}
          </td>
          {hasChunks && (
            <>
              <td class="number" data-label="decoded">
                {bytesDecoded === undefined || bytesDecoded === 0 ? '' : printBytes(bytesDecoded)}
              </td>
              <td class="number" data-label="skipped">
                {chunksSkipped === undefined || chunksSkipped === 0 ? '' : printLarge(chunksSkipped)}
              </td>
            </>
          )}
        </>
      )}
    </tr>
  )
}

function toRows(node: PlanNode, depth: number, guides: readonly boolean[]): Row[] {
  const below = node.inputs.reduce((sum, input) => sum + (input.timeMs ?? 0), 0)
  const row = { node, depth, guides, ownMs: Math.max(0, (node.timeMs ?? 0) - below) }
  const last = node.inputs.length - 1
  return [row, ...node.inputs.flatMap((input, index) => toRows(input, depth + 1, [...guides, index < last]))]
}
