/** The page of the browser's test: puts what the test calls where it finds it. */
import { open } from 'tsink'

const T = 1_750_000_000_000

async function write(): Promise<unknown> {
  const db = await open({ path: 'kept', worker: true })
  const rows = Array.from({ length: 1_000 }, (_, i) => ({ metric: 'clicks', labels: { page: `/${i % 3}` }, timestamp: T + i, value: i }))
  const { accepted, durability } = await db.insertRows(rows)
  const handle = db.series('handle')
  for (let i = 0; i < 100; i++) handle.append(T + i, i)
  await db.flush()
  // The page goes away without closing: what was acknowledged has to be there all the same.
  return { accepted, durability }
}

async function read(): Promise<unknown> {
  const db = await open({ path: 'kept', worker: true })
  const { value } = await db.query('sum by (page) (count_over_time(clicks[10m]))', { time: T + 2_000 })
  const [handle] = await db.selectColumns('handle')
  const { problems } = await db.verify()
  await db.close()
  const samples = value.type === 'vector' ? value.samples.map(({ labels, value: count }) => [labels.get('page'), count]) : value.type
  return { samples, handle: handle?.timestamps.length, problems }
}

async function memory(): Promise<unknown> {
  const db = await open()
  db.sync.insertRows([{ metric: 'm', timestamp: T, value: 42 }])
  const points = db.sync.select('m')[0]?.points
  await db.close()
  return points
}

async function without(): Promise<unknown> {
  try {
    await open('kept')
    return 'opened'
  } catch (error) {
    return (error as { code?: string }).code
  }
}

Object.assign(globalThis, { tsinkTest: { write, read, memory, without } })
