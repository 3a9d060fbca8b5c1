/**
 * Matcher: one condition on one label, as in `job=~"api|web"`. A label that a series does not have counts as "".
 */
import { METRIC_NAME, quoteString, isLegacyLabelName } from './labels.ts'
import { compileRegex, type LabelRegex } from './regex.ts'

export type MatchType = '=' | '!=' | '=~' | '!~'

export class Matcher {
  readonly type: MatchType
  readonly name: string
  readonly value: string
  /** The compiled expression of the types `=~` and `!~`, else null. */
  readonly regex: LabelRegex | null

  /** @throws TsinkError BAD_REGEX when the type needs a regular expression and `value` is none. */
  constructor(type: MatchType, name: string, value: string) {
    this.type = type
    this.name = name
    this.value = value
    this.regex = type === '=~' || type === '!~' ? compileRegex(value) : null
  }

  static equal(name: string, value: string): Matcher {
    return new Matcher('=', name, value)
  }

  static metric(name: string): Matcher {
    return new Matcher('=', METRIC_NAME, name)
  }

  /** Whether a label value (or "" for an absent label) meets the condition. */
  matches(value: string): boolean {
    switch (this.type) {
      case '=':
        return value === this.value
      case '!=':
        return value !== this.value
      case '=~':
        return this.regex!.test(value)
      case '!~':
        return !this.regex!.test(value)
    }
  }

  /** Whether series without the label meet the condition. */
  get matchesEmpty(): boolean {
    return this.matches('')
  }

  /** The condition that holds exactly where this one does not. */
  inverse(): Matcher {
    const inverses = { '=': '!=', '!=': '=', '=~': '!~', '!~': '=~' } as const
    return new Matcher(inverses[this.type], this.name, this.value)
  }

  toString(): string {
    return `${isLegacyLabelName(this.name) ? this.name : quoteString(this.name)}${this.type}${quoteString(this.value)}`
  }
}
