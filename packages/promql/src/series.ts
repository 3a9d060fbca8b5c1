/**
 * Series descriptions, the notation of test files: a label set and its values, `up{job="a"} 1+2x3 _ stale {{sum:1 buckets:[1 2]}}x2`.
 *
 * The notation has rules of its own, built like the main grammar. Runs (`1+2x3` is 1 3 5 7) are expanded here, so a description is bounded.
 */
import { EmbeddedActionsParser, type IToken, type TokenType } from 'chevrotain'
import { COUNTER_RESET_HINTS, histogram, Labels, METRIC_NAME, TsinkError, type CounterResetHint, type Histogram } from '@tsink/core'
import { Builder } from './build.ts'
import { addHistograms, joinHints, subtractHistograms } from './histogram/arithmetic.ts'
import { lex } from './lexer.ts'
import { badQuery, Source } from './source.ts'
import { quote, unquote } from './strings.ts'
import * as t from './tokens.ts'

/** One value of a series description. */
export type SeriesValue =
  /** `_`: no sample at this time. */
  | { readonly type: 'omitted' }
  | { readonly type: 'float'; readonly value: number }
  /** The stale marker. */
  | { readonly type: 'stale' }
  /** `hintGiven`: the description says which counter reset hint the histogram has. */
  | { readonly type: 'histogram'; readonly histogram: Histogram; readonly hintGiven: boolean }

/** A series and its values at consecutive steps. */
export interface SeriesDescription {
  readonly labels: Labels
  readonly values: readonly SeriesValue[]
}

/** A description of more values is refused. */
export const MAX_SERIES_VALUES = 10_000_000

/**
 * The series that a line of a test file describes.
 * @throws TsinkError BAD_QUERY, in the form of {@link parseExpr}'s errors.
 */
export function parseSeriesDescription(text: string): SeriesDescription {
  const source = new Source(text)
  const builder = new Builder(source, {})
  shared ??= new SeriesParser()
  const description = shared.read(lex(source, { seriesDescription: true }), builder)
  if (builder.problems.length > 0) throw badQuery(text, builder.problems[0]!)
  return description!
}

let shared: SeriesParser | null = null

/** A histogram as it is written. */
interface HistogramDraft {
  readonly fields: Map<string, number | number[] | CounterResetHint>
}

const OMITTED: SeriesValue = { type: 'omitted' }
const STALE: SeriesValue = { type: 'stale' }

const vocabulary = Object.values(t).filter((value): value is TokenType => typeof value === 'object' && 'tokenTypeIdx' in value)

class SeriesParser extends EmbeddedActionsParser {
  private suffix = ''
  private builder!: Builder
  private values: SeriesValue[] = []

  constructor() {
    super(vocabulary, { maxLookahead: 1, skipValidations: true })
    this.performSelfAnalysis()
  }

  read(tokens: t.Token[], builder: Builder): SeriesDescription | null {
    this.builder = builder
    this.suffix = ''
    this.values = []
    this.input = tokens
    const labels = this.description()
    const [error] = this.errors
    if (error !== undefined) builder.unexpected(error.token, this.suffix)
    this.input = []
    return error === undefined ? { labels, values: this.values } : null
  }

  private readonly description = this.RULE('description', (): Labels => {
    const labels = this.SUBRULE(this.labels)
    // Behind the labels only a space or the end may come; behind a value, what does not fit is no longer part of the values.
    this.ACTION(() => (this.suffix = this.LA(1).tokenType === t.Space ? '' : ' in series values'))
    this.MANY(() => {
      this.CONSUME(t.Space)
      this.OPTION(() => {
        this.ACTION(() => (this.suffix = ' in series values'))
        this.SUBRULE(this.item)
        this.ACTION(() => (this.suffix = ''))
      })
    })
    return labels
  })

  private readonly labels = this.RULE('labels', (): Labels => {
    const pairs: [string, string][] = []
    let trailing = false
    const add = (pair: [string, string]): void => void pairs.push(pair)
    this.OPTION(() => {
      const name = this.CONSUME(t.MetricName)
      this.ACTION(() => add([METRIC_NAME, name.image]))
    })
    this.OPTION2(() => {
      this.CONSUME(t.LeftBrace)
      this.suffix = ' in label set, expected identifier or "}"'
      this.OPTION3(() => {
        add(this.SUBRULE(this.label))
        this.MANY({
          GATE: () => !trailing,
          DEF: () => {
            this.CONSUME(t.Comma)
            this.suffix = ' in label set, expected identifier or "}"'
            trailing = true
            this.OPTION4(() => {
              add(this.SUBRULE2(this.label))
              trailing = false
            })
          },
        })
      })
      this.CONSUME(t.RightBrace)
    })
    return this.ACTION(() => this.labelsOf(pairs))
  })

  private readonly label = this.RULE('label', (): [string, string] => {
    let name = null as IToken | null
    let value = null as IToken | null
    this.OR([
      {
        ALT: () => {
          name = this.CONSUME(t.Identifier)
          this.suffix = ' in label set, expected "="'
          this.CONSUME(t.Equal)
          this.suffix = ' in label set, expected string'
          value = this.CONSUME(t.StringToken)
        },
      },
      {
        ALT: () => {
          name = this.CONSUME2(t.StringToken)
          this.suffix = ' in label set, expected "," or "}"'
          this.OPTION(() => {
            this.CONSUME2(t.Equal)
            this.suffix = ' in label set, expected string'
            value = this.CONSUME3(t.StringToken)
          })
        },
      },
    ])
    this.suffix = ' in label set, expected "," or "}"'
    return this.ACTION(() => {
      const text = name!.tokenType === t.StringToken ? unquote(name!.image)! : name!.image
      return value === null ? [METRIC_NAME, text] : [text, unquote(value.image)!]
    })
  })

  /** One value, or a run of them. */
  private readonly item = this.RULE('item', (): void => {
    this.OR([
      {
        ALT: () => {
          this.CONSUME(t.Blank)
          let times = 1
          this.OPTION(() => (times = this.SUBRULE(this.repetition)))
          this.ACTION(() => this.repeat(times, () => OMITTED))
        },
      },
      { ALT: () => this.SUBRULE(this.floats) },
      { ALT: () => this.SUBRULE(this.histograms) },
    ])
  })

  private readonly floats = this.RULE('floats', (): void => {
    let value = null as number | null
    this.OR([
      { ALT: () => (value = this.SUBRULE(this.number)) },
      {
        ALT: () => {
          const word = this.CONSUME(t.Identifier)
          this.ACTION(() => {
            if (word.image !== 'stale') this.builder.unexpected(word, ' in series values, expected number or "stale"')
          })
        },
      },
    ])
    let step = 0
    let times = 0
    this.OPTION(() => {
      this.OR2([
        {
          ALT: () => {
            step = this.SUBRULE(this.signedNumber)
            times = this.SUBRULE(this.repetition)
          },
        },
        { ALT: () => (times = this.SUBRULE2(this.repetition)) },
      ])
    })
    this.ACTION(() =>
      // The first value is there besides the repetitions.
      this.repeat(times + 1, () => {
        if (value === null) return STALE
        const sample: SeriesValue = { type: 'float', value }
        value += step
        return sample
      }),
    )
  })

  private readonly histograms = this.RULE('histograms', (): void => {
    const base = this.SUBRULE(this.histogram)
    let increment = null as HistogramDraft | null
    let sign: 1 | -1 = 1
    let times = 0
    this.OPTION(() => {
      this.OR([
        {
          ALT: () => {
            const operator = this.CONSUME(t.Sign)
            sign = operator.tokenType === t.Sub ? -1 : 1
            increment = this.SUBRULE2(this.histogram)
            times = this.SUBRULE(this.repetition)
          },
        },
        { ALT: () => (times = this.SUBRULE2(this.repetition)) },
      ])
    })
    this.ACTION(() => this.repeatHistogram(base, increment, sign, times))
  })

  private readonly histogram = this.RULE('histogram', (): HistogramDraft => {
    const fields: HistogramDraft['fields'] = new Map()
    const outer = this.suffix
    this.CONSUME(t.OpenHistogram)
    this.OR([
      {
        ALT: () => {
          this.SUBRULE(this.field, { ARGS: [fields] })
          this.suffix = ' in histogram description, expected histogram description key, e.g. buckets:[5 10 7]'
          this.MANY(() => {
            this.CONSUME(t.Space)
            this.OPTION(() => this.SUBRULE2(this.field, { ARGS: [fields] }))
          })
        },
      },
      // A space may stand behind the fields, but only an empty histogram may start with one.
      { ALT: () => this.OPTION2(() => this.CONSUME2(t.Space)) },
    ])
    this.CONSUME(t.CloseHistogram)
    this.suffix = outer
    return { fields }
  })

  private readonly field = this.RULE('field', (fields: HistogramDraft['fields']): void => {
    const name = this.CONSUME(t.HistogramField)
    this.CONSUME(t.Colon)
    let value = 0 as number | number[] | CounterResetHint
    this.OR([
      { ALT: () => (value = this.SUBRULE(this.number)) },
      { ALT: () => (value = this.SUBRULE(this.numbers)) },
      {
        ALT: () => {
          const hint = this.CONSUME(t.ResetHint)
          this.ACTION(() => (value = hint.image.toLowerCase() as CounterResetHint))
        },
      },
    ])
    this.ACTION(() => this.setField(fields, name, value))
  })

  private readonly numbers = this.RULE('numbers', (): number[] => {
    const numbers: number[] = []
    this.CONSUME(t.LeftBracket)
    numbers.push(this.SUBRULE(this.number))
    this.MANY(() => {
      this.CONSUME(t.Space)
      this.OPTION(() => numbers.push(this.SUBRULE2(this.number)))
    })
    this.CONSUME(t.RightBracket)
    return numbers
  })

  private readonly number = this.RULE('number', (): number => {
    return this.OR([
      { ALT: () => this.SUBRULE(this.signedNumber) },
      {
        ALT: () => {
          const token = this.CONSUME(t.NumberLike)
          return this.ACTION(() => this.builder.numberValue(token))
        },
      },
    ])
  })

  private readonly signedNumber = this.RULE('signedNumber', (): number => {
    const sign = this.CONSUME(t.Sign)
    const token = this.CONSUME(t.NumberLike)
    return this.ACTION(() => {
      const value = this.builder.numberValue(token)
      return sign.tokenType === t.Sub ? -value : value
    })
  })

  private readonly repetition = this.RULE('repetition', (): number => {
    this.CONSUME(t.Times)
    const token = this.CONSUME(t.NumberToken)
    return this.ACTION(() => {
      if (/^\d+$/.test(token.image)) return Number(token.image)
      const reason = `strconv.ParseUint: parsing ${quote(token.image)}: invalid syntax`
      this.builder.complain(this.builder.positionOf(token), `invalid repetition in series values: ${reason}`)
      return 0
    })
  })

  private labelsOf(pairs: readonly [string, string][]): Labels {
    try {
      return Labels.from(pairs)
    } catch (error) {
      if (!(error instanceof TsinkError)) throw error
      this.builder.complain({ start: 0, end: 0 }, error.message)
      return Labels.EMPTY
    }
  }

  private repeat(times: number, next: () => SeriesValue): void {
    if (this.values.length + times > MAX_SERIES_VALUES) {
      this.builder.complain({ start: 0, end: 0 }, `the series has more than ${MAX_SERIES_VALUES} values`)
      return
    }
    for (let i = 0; i < times; i++) this.values.push(next())
  }

  private repeatHistogram(base: HistogramDraft, increment: HistogramDraft | null, sign: 1 | -1, times: number): void {
    let current = histogramOf(base)
    const step = increment === null ? null : histogramOf(increment)
    const hintGiven = (increment ?? base).fields.has('counter_reset_hint')
    const problem = step === null || times === 0 ? null : combinationProblem(current, step)
    if (problem !== null) {
      this.builder.complain(this.builder.positionOf(this.LA(0)), problem)
      return
    }
    this.repeat(times + 1, () => {
      const value: SeriesValue = { type: 'histogram', histogram: current, hintGiven }
      if (step !== null) current = combine(current, step, sign)
      return value
    })
  }

  private setField(fields: HistogramDraft['fields'], token: IToken, value: number | number[] | CounterResetHint): void {
    const name = token.image.toLowerCase()
    if (fields.has(name)) this.builder.complain({ start: 0, end: 0 }, `duplicate key ${quote(name)} in histogram`)
    else if (kindOf(name) !== (Array.isArray(value) ? 'numbers' : typeof value === 'string' ? 'hint' : 'number')) {
      this.builder.complain(this.builder.positionOf(token), `error parsing ${name}: it takes another kind of value`)
    } else fields.set(name, value)
  }
}

/** Why a run of histograms cannot be made, or null. */
function combinationProblem(base: Histogram, increment: Histogram): string | null {
  if (base.schema > increment.schema) {
    return `error combining histograms: cannot merge from schema ${increment.schema} to ${base.schema}`
  }
  if (addHistograms(base, increment) !== null) return null
  return 'cannot apply this operation on histograms with a mix of exponential and custom bucket schemas'
}

/** `base` plus or minus `increment`. Unlike in an expression, a difference is not a gauge for that. */
function combine(base: Histogram, increment: Histogram, sign: 1 | -1): Histogram {
  const combined = sign > 0 ? addHistograms(base, increment) : subtractHistograms(base, increment)
  return { ...combined!.histogram, hint: joinHints(base.hint, increment.hint).hint }
}

function kindOf(field: string): 'number' | 'numbers' | 'hint' {
  if (field === 'counter_reset_hint') return 'hint'
  return field === 'buckets' || field === 'n_buckets' || field === 'custom_values' ? 'numbers' : 'number'
}

function histogramOf({ fields }: HistogramDraft): Histogram {
  const number = (name: string): number => (fields.get(name) as number | undefined) ?? 0
  const numbers = (name: string): Float64Array => Float64Array.from((fields.get(name) as number[] | undefined) ?? [])
  const hint = (fields.get('counter_reset_hint') as CounterResetHint | undefined) ?? COUNTER_RESET_HINTS[0]!
  const positiveBuckets = numbers('buckets')
  const negativeBuckets = numbers('n_buckets')
  return histogram({
    schema: number('schema'),
    count: number('count'),
    sum: number('sum'),
    zeroCount: number('z_bucket'),
    zeroThreshold: number('z_bucket_w'),
    positiveBuckets,
    positiveSpans: positiveBuckets.length === 0 ? [] : [{ offset: number('offset'), length: positiveBuckets.length }],
    negativeBuckets,
    negativeSpans: negativeBuckets.length === 0 ? [] : [{ offset: number('n_offset'), length: negativeBuckets.length }],
    customValues: numbers('custom_values'),
    hint,
  })
}
