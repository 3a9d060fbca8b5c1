/** One series in memory: how fast samples go in by rows and by columns, and come out, beside a plain copy of typed arrays in the same run. */
import { open, SampleBuffer } from 'tsink'
import type { Goal } from './suite.ts'

const BATCH = 1_000

export async function oneSeries(quick: boolean): Promise<{ rows: string[][]; goals: Goal[] }> {
  const count = quick ? 20_000 : 1_000_000
  const rounds = quick ? 1 : 9
  const times: Record<string, number[]> = { rows: [], columns: [], handle: [], select: [], copy: [] }
  const buffer = new SampleBuffer(count)
  const copies = [new Float64Array(count), new Float64Array(count)] as const
  const timestamps = Float64Array.from({ length: BATCH }, (_, i) => i)
  const values = new Float64Array(BATCH)
  for (let round = 0; round < rounds; round++) {
    for (const way of ['rows', 'columns', 'handle'] as const) {
      const db = await open({ precision: 's' })
      const handle = db.series('m')
      let ms = 0
      for (let from = 0; from < count; from += BATCH) {
        const rows = way === 'rows' ? Array.from({ length: BATCH }, (_, i) => ({ metric: 'm', timestamp: from + i, value: from + i })) : []
        for (let i = 0; i < BATCH; i++) timestamps[i] = values[i] = from + i
        const start = performance.now()
        if (way === 'rows') db.sync.insertRows(rows)
        else if (way === 'columns') db.sync.insertColumns({ metric: 'm', timestamps, values })
        else for (let i = from; i < from + BATCH; i++) handle.append(i, i)
        ms += performance.now() - start
      }
      times[way]!.push(ms)
      let start = performance.now()
      db.sync.selectInto('m', {}, buffer, () => {})
      times['select']!.push(performance.now() - start)
      if (buffer.count !== count || buffer.values[count - 1] !== count - 1) throw new Error(`read ${buffer.count} samples`)
      start = performance.now()
      copies[0].set(buffer.timestamps.subarray(0, count))
      copies[1].set(buffer.values.subarray(0, count))
      times['copy']!.push(performance.now() - start)
      await db.close()
    }
  }
  const rate = (name: string): number => count / Math.min(...times[name]!) / 1_000
  const rows = [['one series in memory', 'M samples/s', 'ns/sample', 'of a plain copy']]
  for (const name of Object.keys(times)) {
    rows.push([name, rate(name).toFixed(1), (1_000 / rate(name)).toFixed(1), (rate(name) / rate('copy')).toFixed(3)])
  }
  const goal = (name: string, of: string, want: number): Goal => ({
    name,
    want: `${want} M/s`,
    found: `${rate(of).toFixed(1)} M/s`,
    met: rate(of) >= want,
  })
  return {
    rows,
    goals: [
      goal('in memory by rows', 'rows', 15),
      goal('in memory by columns', 'columns', 30),
      goal('in memory select of a million', 'select', 200),
    ],
  }
}
