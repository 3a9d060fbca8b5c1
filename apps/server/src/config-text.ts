/**
 * The two texts that come from the config table: what `--help` prints and the page docs/reference/config.md.
 */
import { flagName, OPTIONS, variableName } from './config.ts'

/** The help text for a program of this name. */
export function printHelp(program: string): string {
  const lines = [`usage: ${program} [flags]`]
  let group = ''
  for (const [key, option] of Object.entries(OPTIONS)) {
    if (option.group !== group) {
      group = option.group
      lines.push('', `${group}:`)
    }
    const value = option.value === '' ? '[true|false]' : option.value
    lines.push(`  ${flagName(key)} ${value}${option.fallback ? `  (${option.fallback})` : ''}`)
    lines.push(...wrap(option.help.replaceAll('`', ''), 92).map((line) => `      ${line}`))
  }
  lines.push('', '  --version  Print the version.', '  --help     Print this.')
  lines.push(
    '',
    'Each flag can be set by an environment variable (--query-timeout: TSINK_QUERY_TIMEOUT) or in the config file',
    '(query-timeout: 2m). Flags win over variables, variables over the file.',
  )
  return `${lines.join('\n')}\n`
}

/** The reference page. */
export function printReference(): string {
  const lines = [
    '# Settings of the server',
    '',
    'Written by `node --conditions=@tsink/source apps/server/src/print-reference.ts` from the table in `apps/server/src/config.ts`; a test',
    'holds it current. Flags win over environment variables, variables over the config file (`--config FILE`, YAML, keys named as the flags',
    'without dashes). Durations are written `30s`, `5m`, `1h30m`, `14d`; sizes `64MiB` (powers of 1024).',
  ]
  let group = ''
  for (const [key, option] of Object.entries(OPTIONS)) {
    if (option.group !== group) {
      group = option.group
      lines.push('', `## ${group}`, '', '| flag | variable | value | default | meaning |', '|---|---|---|---|---|')
    }
    const value = (option.value === '' ? 'true|false' : option.value).replaceAll('|', ', ')
    const fallback = option.fallback === null || option.fallback === '' ? '' : `\`${option.fallback}\``
    lines.push(`| \`${flagName(key)}\` | \`${variableName(key)}\` | ${value} | ${fallback} | ${option.help.replaceAll('|', '\\|')} |`)
  }
  return `${lines.join('\n')}\n`
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
