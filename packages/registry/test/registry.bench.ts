/**
 * A million series of ten labels: memory a series, and the time of add, resolve and typical selections. Run with
 * `node --expose-gc --conditions=@tsink/source packages/registry/test/registry.bench.ts [series]`.
 */
import { encodeLabels, Labels, Matcher } from '@tsink/core'
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

const gc = (globalThis as { gc?: () => void }).gc
gc?.()
const before = process.memoryUsage().rss
const registry = new Registry()
let addMs = 0
let stall = 0
let labelBytes = 0
for (let from = 0; from < count; from += BATCH) {
  const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => encodeLabels(labelsOf(from + i)))
  for (let i = 0; i < batch.length; i += 100) {
    const start = performance.now()
    for (const bytes of batch.slice(i, i + 100)) registry.add(bytes)
    const ms = performance.now() - start
    addMs += ms
    stall = Math.max(stall, ms)
  }
  for (const bytes of batch) labelBytes += bytes.length
}
gc?.()
const rss = process.memoryUsage().rss - before
let resolveMs = 0
for (let from = 0; from < count; from += BATCH * 7) {
  const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => encodeLabels(labelsOf(((from + i) * 7_919) % count)))
  const start = performance.now()
  for (const bytes of batch) if (registry.resolve(bytes) === 0) throw new Error('a series is missing')
  resolveMs += performance.now() - start
}
const resolved = Math.ceil(count / (BATCH * 7)) * BATCH
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
registry.remove(half)
console.log(
  `remove every second series ${(((performance.now() - start) * 1e6) / half.length).toFixed(0)} ns a series, then ${(registry.bytesUsed / registry.size).toFixed(0)} bytes a series`,
)

function verdict(what: string, found: number, goal: number, unit: string): void {
  console.log(`${what.padEnd(26)} ${found.toFixed(0).padStart(6)} ${unit.padEnd(6)} goal ${goal} ${found <= goal ? 'met' : 'MISSED'}`)
}
