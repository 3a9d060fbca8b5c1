export {
  children,
  unwrapParens,
  walk,
  type Aggregate,
  type AggregateOp,
  type ArithmeticOp,
  type At,
  type Binary,
  type BinaryOp,
  type Call,
  type Cardinality,
  type ComparisonOp,
  type DurationExpr,
  type DurationOp,
  type DurationOperation,
  type Expr,
  type MatrixSelector,
  type NumberLiteral,
  type Paren,
  type Position,
  type SetOp,
  type StringLiteral,
  type Subquery,
  type TrimOp,
  type Unary,
  type ValueType,
  type VectorMatching,
  type VectorSelector,
} from './ast.ts'
export { typeName, valueType } from './check.ts'
export { parseDuration, printDuration, resolveDurations, type DurationContext } from './durations.ts'
export { ALL_FEATURES, type ParserOptions } from './features.ts'
export { toJsonAst, type Json } from './json-ast.ts'
export { addMatcher } from './language/add-matcher.ts'
export {
  complete,
  MAX_COMPLETIONS,
  narrowCompletions,
  type Completion,
  type CompletionKind,
  type Completions,
} from './language/complete.ts'
export { diagnose, type Diagnostic, type DiagnosticCode, type Severity } from './language/diagnose.ts'
export { highlight, type HighlightedToken, type TokenKind } from './language/highlight.ts'
export { hover, type Hover } from './language/hover.ts'
export type { Maybe, Metadata, MetricDescription, TextRange } from './language/metadata.ts'
export { MAX_NESTING, MAX_QUERY_BYTES, MAX_TOKENS } from './lexer.ts'
export { MAX_DEPTH, parseExpr, parseSelector, tryParse, type ParseResult } from './parse.ts'
export { LINE_WIDTH, prettyPrint } from './pretty.ts'
export { printExpr, printMatcher } from './printer.ts'
export { allSignatures, signatureOf, type Signature } from './signatures.ts'
export { MAX_SERIES_VALUES, parseSeriesDescription, type SeriesDescription, type SeriesValue } from './series.ts'
export { describeProblem, lineColumn, type LineColumn, type Problem } from './source.ts'
export { quote, unquote } from './strings.ts'
export {
  addHistograms,
  divideHistogram,
  equalHistograms,
  scaleHistogram,
  subtractHistograms,
  type Combined,
} from './histogram/arithmetic.ts'
export { compact } from './histogram/layout.ts'
export { printHistogram } from './histogram/print.ts'
export { histogramFraction, histogramQuantile, histogramVariance } from './histogram/quantile.ts'
export { trimHistogram } from './histogram/trim.ts'
export { instantQuery, planOf, rangeQuery, type EvaluatedResult, type QueryStats } from './evaluate.ts'
export { explainPlan, printExplained, type Analysis, type Explained } from './explain.ts'
export { STOCK_FEATURES, type Features, type QueryOptions } from './options.ts'
export { inputs, type Plan } from './plan.ts'
export type { QueryRange } from './planner.ts'
export { QueryCache } from './query-cache.ts'
export { TextCache } from './text-cache.ts'
