/**
 * A million series of ten labels: memory a series, and the time of add, resolve and typical selections. Run with
 * `node --expose-gc --conditions=@tsink/source packages/registry/test/registry.bench.ts [series]`.
 */
import { Labels, Matcher, SeriesTable } from '@tsink/core'
import { Registry } from '@tsink/registry'

const count = Number(process.argv[2] ?? 1_000_000)
const BATCH = 10_000

/** Ten labels as an orchestrator's pods have them; every series' set is new, no single label is unique to one series. */
function labelsOf(n: number): Labels {
  const pod = Math.floor(n / 200)
  return Labels.of({
    __name__: `container_metric_${n % 200}_total`,
    cluster: `eu-west-${pod % 3}`,
    container: `app-${pod % 40}`,
    image: `registry.example/team/app-${pod % 40}:v1.${pod % 40}.7`,
    instance: `10.${pod % 7}.${pod % 50}.${pod % 250}:9100`,
    job: 'kubelet',
    namespace: `team-${pod % 60}`,
    node: `node-${pod % 300}.internal`,
    pod: `app-${pod % 40}-7d9f8b6c5-${pod.toString(36).padStart(5, '0')}`,
    service: `app-${pod % 40}-svc`,
  })
}

/** Puts the labels of one batch of series into the table, as a decoder does. Returns how many. */
function fill(from: number, pick: (n: number) => number): number {
  table.clear()
  const end = Math.min(BATCH, count - from)
  for (let i = 0; i < end; i++) table.add(labelsOf(pick(from + i)))
  return end
}

const gc = (globalThis as { gc?: () => void }).gc
gc?.()
const before = process.memoryUsage().rss
const registry = new Registry()
let addMs = 0
let stall = 0
let labelBytes = 0
const table = new SeriesTable(BATCH, BATCH * 256)
for (let from = 0; from < count; from += BATCH) {
  const end = fill(from, (n) => n)
  for (let i = 0; i < end; i += 100) {
    const start = performance.now()
    for (let slot = i; slot < Math.min(end, i + 100); slot++) registry.add(table.bytes, table.offsets[slot], table.offsets[slot + 1])
    const ms = performance.now() - start
    addMs += ms
    stall = Math.max(stall, ms)
  }
  labelBytes += table.offsets[end]!
}
gc?.()
const rss = process.memoryUsage().rss - before
let resolveMs = 0
let resolved = 0
for (let from = 0; from < count; from += BATCH * 7) {
  const end = fill(from, (n) => (n * 7_919) % count)
  const start = performance.now()
  for (let slot = 0; slot < end; slot++) {
    if (registry.resolve(table.bytes, table.offsets[slot], table.offsets[slot + 1]) === 0) throw new Error('a series is missing')
  }
  resolveMs += performance.now() - start
  resolved += end
}
if (registry.size !== count) throw new Error(`${registry.size} series instead of ${count}`)

console.log(`series                     ${count.toLocaleString('en')}, ${(labelBytes / count).toFixed(0)} label bytes each`)
verdict('bytesUsed a series', registry.bytesUsed / count, 300, 'bytes')
verdict('resident growth a series', rss / count, 400, 'bytes')
verdict('add', (addMs * 1e6) / count, 1_500, 'ns')
verdict('resolve', (resolveMs * 1e6) / resolved, 1_000, 'ns')
verdict('longest stall of 100 adds', stall, 50, 'ms')

const SELECTIONS: readonly [string, Matcher[]][] = [
  ['one series', [Matcher.metric('container_metric_7_total'), Matcher.equal('pod', 'app-0-7d9f8b6c5-00000')]],
  ['one metric', [Matcher.metric('container_metric_7_total')]],
  ['metric and regex', [Matcher.metric('container_metric_7_total'), new Matcher('=~', 'pod', 'app-1.*')]],
  ['regex over all pods', [new Matcher('=~', 'pod', '.*-0000[a-f]')]],
  ['all but one job', [new Matcher('!=', 'job', 'kubelet')]],
]
for (const [name, matchers] of SELECTIONS) {
  let found = 0
  const start = performance.now()
  for (let i = 0; i < 10; i++) found = registry.select(matchers).length
  console.log(`select ${name.padEnd(20)} ${((performance.now() - start) * 100).toFixed(0).padStart(8)} µs   ${found} series`)
}
const half = registry.select([]).filter((id) => id % 2 === 0)
const start = performance.now()
let removeStall = 0
for (let from = 0; from < half.length; from += 2_000) {
  const begin = performance.now()
  registry.remove(half.subarray(from, from + 2_000))
  removeStall = Math.max(removeStall, performance.now() - begin)
}
console.log(
  `remove every second series ${(((performance.now() - start) * 1e6) / half.length).toFixed(0)} ns a series, then ${(registry.bytesUsed / registry.size).toFixed(0)} bytes a series`,
)
verdict('longest stall of 2,000 removals', removeStall, 50, 'ms')

function verdict(what: string, found: number, goal: number, unit: string): void {
  console.log(`${what.padEnd(26)} ${found.toFixed(0).padStart(6)} ${unit.padEnd(6)} goal ${goal} ${found <= goal ? 'met' : 'MISSED'}`)
}
