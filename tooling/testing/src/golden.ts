/** Golden files: bytes of a format, frozen when its version was. */
import { readFileSync, writeFileSync } from 'node:fs'

/**
 * The frozen bytes of the file at `url`, which holds hexadecimal text of 32 bytes a line, so that a change shows as a line of a diff. With
 * `TSINK_GOLDEN=write` in the environment the file is first made from `made`: for a new version of a format, never to make a test pass.
 */
export function goldenBytes(url: URL, made: Uint8Array): Uint8Array {
  if (process.env['TSINK_GOLDEN'] === 'write') writeFileSync(url, `${toHex(made).replaceAll(/.{64}/g, '$&\n').trimEnd()}\n`)
  const text = readFileSync(url, 'utf8').replaceAll(/\s/g, '')
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16))
}

function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
