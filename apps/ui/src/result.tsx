/** An answer: what the server remarks, the graph, table or plan, and what it took. */
import { Explain } from './explain.tsx'
import { Graph } from './graph.tsx'
import { Heatmap, isHeatmap } from './heatmap.tsx'
import { locate } from './locate.ts'
import type { Outcome } from './outcome.ts'
import { Excerpt } from './problem.tsx'
import { Table } from './table.tsx'
import { printLength } from './time.ts'
import { printBytes, printCount } from './value.ts'

export interface ResultProps {
  readonly outcome: Outcome
  readonly stacked: boolean
  readonly onStacked: (stacked: boolean) => void
  readonly onZoom: (start: number, end: number) => void
}

export function Result(props: ResultProps) {
  const { query, answer } = props.outcome
  return (
    <div class="result">
      {answer.warnings.map((text) => (
        <Remark key={text} kind="warning" text={text} query={query} />
      ))}
      {answer.infos.map((text) => (
        <Remark key={text} kind="info" text={text} query={query} />
      ))}
      <Body {...props} />
    </div>
  )
}

function Body({ outcome, stacked, onStacked, onZoom }: ResultProps) {
  const { steps } = outcome
  if (outcome.tab === 'explain') return <Explain plan={outcome.answer.data} measured={outcome.measured} tookMs={outcome.answer.tookMs} />
  const { data, tookMs, bytes } = outcome.answer
  const series = data.resultType === 'matrix' || data.resultType === 'vector' ? data.result.length : 1
  const isGraph = outcome.tab === 'graph' && data.resultType === 'matrix' && data.result.length > 0
  return (
    <>
      {isGraph && isHeatmap(data.result) ? (
        <Heatmap series={data.result[0]!} {...steps} onZoom={onZoom} />
      ) : isGraph ? (
        <Graph series={data.result} {...steps} stacked={stacked} onStacked={onStacked} onZoom={onZoom} />
      ) : (
        <Table data={data} />
      )}
      <footer>
        {printCount(series, 'series', 'series')} · {Math.round(tookMs)} ms · {printBytes(bytes)}
        {outcome.tab === 'graph' && ` · one point every ${printLength(steps.step)}`}
      </footer>
    </>
  )
}

function Remark({ kind, text, query }: { readonly kind: 'warning' | 'info'; readonly text: string; readonly query: string }) {
  const { text: shown, place } = locate(text, query)
  return (
    <div class={kind} role="note">
      {shown.replace(/^PromQL (?:warning|info): /, '').replace(/ \(\d+:\d+\)$/, '')}
      {place !== null && <Excerpt query={query} place={place} />}
    </div>
  )
}
