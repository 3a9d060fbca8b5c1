/**
 * Places in queries: the server's messages name them by line and byte, `1:5: parse error: …` and `… (1:5)`; the page underlines them.
 */

/** UTF-16 offsets, `to` exclusive; both the text's length for its end. */
export interface Located {
  readonly from: number
  readonly to: number
}

/** A message without what only machines want to know, and the place that it names, if it names one. */
export function locate(message: string, query: string): { readonly text: string; readonly place: Located | null } {
  const text = message.replace(/^invalid parameter "query": /, '')
  const named = /^(\d+):(\d+): |\((\d+):(\d+)\)$/.exec(text)
  if (named === null) return { text, place: null }
  const place = wordAt(query, Number(named[1] ?? named[3]), Number(named[2] ?? named[4]))
  return { text, place }
}

/** The word at a line and column, both from 1, the column in bytes. */
function wordAt(query: string, line: number, column: number): Located | null {
  let from = 0
  for (let at = 1; at < line; at++) {
    from = query.indexOf('\n', from) + 1
    if (from === 0) return null
  }
  for (let bytes = 1; bytes < column;) {
    const char = query.codePointAt(from)
    if (char === undefined) break
    bytes += new TextEncoder().encode(String.fromCodePoint(char)).length
    from += char > 0xffff ? 2 : 1
  }
  const word = /^(?:[\w:.]+|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|[=!<>~]+|.)/su.exec(query.slice(from))
  return { from, to: from + (word?.[0].length ?? 0) }
}
