/**
 * Ledger: what was sent, what of it was acknowledged, and whether the server still has it. Each writer owns its series and sends samples in
 * order of time, so a series is a list: an acknowledged sample must be there with its value, an unacknowledged one may be, and nothing else.
 */

/** One series: sample i has the time `start + i` and the value `valueOf(start + i)`. */
interface LedgerSeries {
  readonly labels: string
  readonly start: number
  sent: number
  acknowledged: Set<number>
}

export interface Loss {
  readonly labels: string
  readonly timestamp: number
  readonly problem: string
}

export class Ledger {
  readonly #series = new Map<string, LedgerSeries>()
  acknowledgedSamples = 0

  /** The next `count` samples of a series: their first time. */
  send(labels: string, start: number, count: number): number {
    let series = this.#series.get(labels)
    if (series === undefined) this.#series.set(labels, (series = { labels, start, sent: 0, acknowledged: new Set() }))
    const first = series.start + series.sent
    series.sent += count
    return first
  }

  acknowledge(labels: string, first: number, count: number): void {
    const series = this.#series.get(labels)!
    for (let i = 0; i < count; i++) series.acknowledged.add(first + i)
    this.acknowledgedSamples += count
  }

  get labels(): readonly string[] {
    return [...this.#series.keys()]
  }

  /** Compares what the server has of one series: times in milliseconds and values. */
  check(labels: string, stored: ReadonlyMap<number, number>): Loss[] {
    const series = this.#series.get(labels)!
    const losses: Loss[] = []
    for (const timestamp of series.acknowledged) {
      if (!stored.has(timestamp)) losses.push({ labels, timestamp, problem: 'acknowledged, and not there' })
    }
    for (const [timestamp, value] of stored) {
      const index = timestamp - series.start
      if (index < 0 || index >= series.sent) losses.push({ labels, timestamp, problem: 'there, and never sent' })
      else if (value !== valueOf(timestamp))
        losses.push({ labels, timestamp, problem: `has the value ${value}, not ${valueOf(timestamp)}` })
    }
    return losses
  }
}

/** The value of the sample at a time: any function that mixes up neighbours would show. */
export function valueOf(timestamp: number): number {
  return (timestamp * 2_654_435_761) % 1_000_003
}
