/**
 * The path of a pushed group, as clients of the Pushgateway write it: `/metrics/job/<job>{/<label>/<value>}`. Every series of the body gets these
 * labels. A label name that ends in `@base64` has its value in URL-safe base64, which is how a value with a slash, or an empty one, is written.
 */
import { Labels, TsinkError } from '@tsink/core'
import { isUtf8, textOf } from '../utf8.ts'

/**
 * The labels of the group that `path` (what follows `/metrics`, still percent-encoded) names.
 * @throws TsinkError BAD_REQUEST
 */
export function pushedGroup(path: string): Labels {
  const parts = path.replace(/^\//, '').split('/').map(decodePart)
  if (parts.length % 2 !== 0) throw bad(`the path ${JSON.stringify(path.slice(0, 200))} has a label without a value`)
  const pairs: [string, string][] = []
  for (let i = 0; i < parts.length; i += 2) {
    const isBase64 = parts[i]!.endsWith('@base64')
    const name = isBase64 ? parts[i]!.slice(0, -'@base64'.length) : parts[i]!
    const value = isBase64 ? decodeBase64(parts[i + 1]!) : parts[i + 1]!
    if (i === 0 && name !== 'job') throw bad('the path of a pushed group begins with /job/')
    if (i === 0 && value === '') throw bad('the job of a pushed group is empty')
    if (name === '' || name.startsWith('__')) throw bad(`a pushed group cannot have the label ${JSON.stringify(name)}`)
    pairs.push([name, value])
  }
  try {
    return Labels.from(pairs)
  } catch (cause) {
    throw bad((cause as Error).message)
  }
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw bad(`the part ${JSON.stringify(part.slice(0, 80))} of the path is not percent-encoded`)
  }
}

// A single `=` stands for the empty value, since an empty part would vanish on the way.
function decodeBase64(text: string): string {
  let binary: string
  try {
    binary = atob(text.replace(/=+$/, '').replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    throw bad(`${JSON.stringify(text.slice(0, 80))} is no base64`)
  }
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0))
  if (!isUtf8(bytes, 0, bytes.length)) throw bad('a value in base64 is not valid UTF-8')
  return textOf(bytes)
}

function bad(message: string): TsinkError {
  return new TsinkError('BAD_REQUEST', message)
}
