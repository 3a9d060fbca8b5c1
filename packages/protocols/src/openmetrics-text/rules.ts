/**
 * What the OpenMetrics specification says beyond syntax, for those who want to know whether an exposition is right: which families may
 * clash, which samples belong to a type, which values and exemplars they may have, and in which order everything stands.
 */
import { METRIC_NAME, type Labels, type MetricType } from '@tsink/core'
import { LineProblem } from '../line-problem.ts'
import { codePoints } from '../utf8.ts'

/** The suffixes of each type's samples. */
const SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  histogram: ['_bucket', '_count', '_sum', '_created'],
  gaugehistogram: ['_bucket', '_gcount', '_gsum'],
  summary: ['', '_count', '_sum', '_created'],
  info: ['_info'],
  stateset: [''],
  unknown: [''],
}
const COUNTS = new Set(['_total', '_bucket', '_count', '_gcount', '_created'])

/** The samples of one label set of a histogram, in the order given. */
interface Group {
  key: string
  hasBuckets: boolean
  hasInf: boolean
  hasNegativeBound: boolean
  lastBound: number
  lastCount: number
  count: number | null
  sum: number | null
  timestamp: number | null
}

export class SpecificationRules {
  readonly #families = new Set<string>()
  /** Every sample name that a family before has taken. */
  readonly #taken = new Set<string>()
  #family = ''
  #type: MetricType | null = null
  #unit = ''
  #seen = new Set<string>()
  #hasSamples = false
  readonly #groups = new Set<string>()
  #group: Group | null = null
  // The series of the sample before, for the order of times.
  #series = ''
  #time: number | null = null
  readonly #finishedSeries = new Set<string>()

  metadata(word: 'HELP' | 'TYPE' | 'UNIT', metric: string, text: string, at: number): void {
    if (metric !== this.#family) this.#begin(metric, at)
    else if (this.#hasSamples) throw new LineProblem(at, `${word} of ${metric} stands behind its samples`)
    if (this.#seen.has(word)) throw new LineProblem(at, `${word} of ${metric} is given twice`)
    this.#seen.add(word)
    if (word === 'UNIT') this.#unit = text
    if (word === 'TYPE') {
      this.#type = text as MetricType
      for (const suffix of SUFFIXES[this.#type] ?? []) {
        if (this.#taken.has(metric + suffix)) throw new LineProblem(at, `the family ${metric} clashes with one before it`)
      }
    }
    if (this.#unit !== '' && (this.#type === 'info' || this.#type === 'stateset'))
      throw new LineProblem(at, `a family of type ${this.#type} has no unit`)
  }

  sample(labels: Labels, value: number, timestamp: number | null, exemplar: Labels | null, at: number): void {
    const name = labels.get(METRIC_NAME)
    const type = this.#type ?? 'unknown'
    const suffix = name.startsWith(this.#family) ? name.slice(this.#family.length) : null
    if (this.#family === '' || suffix === null || !SUFFIXES[type].includes(suffix)) {
      if (
        this.#family !== '' &&
        this.#type !== null &&
        suffix !== null &&
        suffix !== '' &&
        [...COUNTS, '_sum', '_gsum', '_info'].includes(suffix)
      ) {
        throw new LineProblem(at, `a ${type} has no sample ${name}`)
      }
      if (this.#family !== '' && name === this.#family) throw new LineProblem(at, `a ${type} has no sample ${name}`)
      this.#begin(name, at)
      this.#checkSample('unknown', '', labels, value, exemplar, at)
    } else this.#checkSample(type, suffix, labels, value, exemplar, at)
    this.#hasSamples = true
    this.#checkOrder(labels, timestamp, at)
  }

  end(at: number): void {
    this.#endGroup(at)
  }

  #begin(metric: string, at: number): void {
    this.#endGroup(at)
    for (const suffix of SUFFIXES[this.#type ?? 'unknown']) if (this.#family !== '') this.#taken.add(this.#family + suffix)
    if (this.#families.has(metric) || this.#taken.has(metric)) throw new LineProblem(at, `the family ${metric} comes twice`)
    this.#families.add(metric)
    this.#family = metric
    this.#type = null
    this.#unit = ''
    this.#seen = new Set()
    this.#hasSamples = false
    this.#groups.clear()
    this.#finishedSeries.clear()
    this.#series = ''
    this.#time = null
  }

  #checkSample(type: MetricType, suffix: string, labels: Labels, value: number, exemplar: Labels | null, at: number): void {
    if (exemplar !== null) {
      if (!((type === 'counter' && suffix === '_total') || ((type === 'histogram' || type === 'gaugehistogram') && suffix === '_bucket'))) {
        throw new LineProblem(at, `a sample ${labels.get(METRIC_NAME)} of a ${type} has no exemplar`)
      }
      let length = 0
      for (const [name, text] of exemplar) length += codePoints(name) + codePoints(text)
      if (length > 128) throw new LineProblem(at, `the labels of the exemplar have ${length} characters; at most 128 are allowed`)
    }
    if ((COUNTS.has(suffix) || (suffix === '_sum' && type !== 'gauge')) && (Number.isNaN(value) || value < 0)) {
      throw new LineProblem(at, `the value ${value} of ${labels.get(METRIC_NAME)} is not zero or more`)
    }
    if (suffix === '_gsum' && Number.isNaN(value)) throw new LineProblem(at, 'the sum is NaN')
    if (type === 'info' && value !== 1) throw new LineProblem(at, `the value of an info is ${value}; it must be 1`)
    if (type === 'stateset') {
      if (!labels.has(this.#family)) throw new LineProblem(at, `a state of ${this.#family} has no label ${this.#family}`)
      if (value !== 0 && value !== 1) throw new LineProblem(at, `the value of a state is ${value}; it must be 0 or 1`)
    }
    if (type === 'summary' && suffix === '') {
      const quantile = Number(labels.get('quantile') === '' ? NaN : labels.get('quantile'))
      if (!(quantile >= 0 && quantile <= 1))
        throw new LineProblem(at, `the quantile ${JSON.stringify(labels.get('quantile'))} is not between 0 and 1`)
      if (value < 0) throw new LineProblem(at, `the value ${value} of a quantile is below zero`)
    }
    if (type === 'histogram' || type === 'gaugehistogram') this.#checkBucket(suffix, labels, value, at)
  }

  #checkBucket(suffix: string, labels: Labels, value: number, at: number): void {
    const key = labels.filter((name) => name !== METRIC_NAME && name !== 'le').key()
    if (this.#group === null || this.#group.key !== key) {
      this.#endGroup(at)
      this.#group = {
        key,
        hasBuckets: false,
        hasInf: false,
        hasNegativeBound: false,
        lastBound: -Infinity,
        lastCount: 0,
        count: null,
        sum: null,
        timestamp: null,
      }
    }
    const group = this.#group
    if (suffix === '_count' || suffix === '_gcount') group.count = value
    else if (suffix === '_sum' || suffix === '_gsum') group.sum = value
    else if (suffix === '_bucket') {
      const text = labels.get('le')
      const bound = text === '+Inf' ? Infinity : /^[-+]?[0-9.]/.test(text) ? Number(text) : NaN
      if (Number.isNaN(bound)) throw new LineProblem(at, `the bound ${JSON.stringify(text)} of a bucket is no number`)
      if (group.hasBuckets && bound <= group.lastBound) throw new LineProblem(at, `the bound ${text} does not ascend`)
      if (value < group.lastCount) throw new LineProblem(at, `the bucket ${text} counts ${value}, less than the one before`)
      group.hasBuckets = true
      group.hasInf ||= bound === Infinity
      group.hasNegativeBound ||= bound < 0
      group.lastBound = bound
      group.lastCount = value
    }
  }

  #endGroup(at: number): void {
    const group = this.#group
    this.#group = null
    if (group === null) return
    if (!group.hasInf) throw new LineProblem(at, `a histogram of ${this.#family} has no bucket +Inf`)
    if (group.count !== null && group.count !== group.lastCount) {
      throw new LineProblem(at, `a histogram of ${this.#family} counts ${group.count}, but its bucket +Inf ${group.lastCount}`)
    }
    const gauge = this.#type === 'gaugehistogram'
    if ((group.count === null) !== (group.sum === null))
      throw new LineProblem(at, `a histogram of ${this.#family} has a sum or a count, but not both`)
    if (group.hasNegativeBound && group.sum !== null && !gauge)
      throw new LineProblem(at, `a histogram of ${this.#family} with negative buckets has a sum`)
    if (!group.hasNegativeBound && group.sum !== null && group.sum < 0)
      throw new LineProblem(at, `the sum of ${this.#family} is below zero`)
  }

  #checkOrder(labels: Labels, timestamp: number | null, at: number): void {
    const series = labels.key()
    if (series === this.#series) {
      if ((this.#time === null) !== (timestamp === null)) throw new LineProblem(at, 'some samples of a series have times and others none')
      if (this.#time === null) throw new LineProblem(at, `the series ${labels.toString()} comes twice`)
      if (timestamp! < this.#time) throw new LineProblem(at, `the time ${timestamp} lies before ${this.#time}`)
    } else {
      const bound =
        this.#type === 'histogram' || this.#type === 'gaugehistogram'
          ? 'le'
          : this.#type === 'summary'
            ? 'quantile'
            : this.#type === 'stateset'
              ? this.#family
              : ''
      const group = labels.filter((name) => name !== METRIC_NAME && name !== bound).key()
      if (this.#series !== '' && this.#lastGroup !== group) this.#groups.add(this.#lastGroup)
      if (this.#groups.has(group)) throw new LineProblem(at, `the samples of ${this.#family} with these labels do not stand together`)
      if (this.#finishedSeries.has(series)) throw new LineProblem(at, `the series ${labels.toString()} comes twice`)
      this.#finishedSeries.add(series)
      this.#lastGroup = group
    }
    this.#series = series
    this.#time = timestamp
  }

  #lastGroup = ''
}
