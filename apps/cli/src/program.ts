/**
 * The commands and their options, as data for commander. What they do is in commands/, one file each, loaded when it runs.
 */
import { readFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { Exit } from './failure.ts'
import { DEFAULT_URL } from './target.ts'

/** As the server names them; named here again since the help must not load it. */
const EXPORT_FORMATS = ['jsonl', 'csv', 'ndjson', 'openmetrics', 'parquet', 'arrow']

export function buildProgram(): Command {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  const program = new Command('tsink')
    .description('A time-series database with PromQL: server, queries, imports, checks.')
    .version(manifest.version)
    .exitOverride()
    .showHelpAfterError('(tsink --help lists the commands)')

  program
    .command('serve')
    .description('run the server; `tsink serve --help` lists its settings')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[flags...]')
    .action(async (flags: string[]) => {
      const { serve } = await import('@tsink/server')
      throw new Exit(await serve(flags, process.env, 'tsink serve'))
    })

  target(program.command('query'))
    .description('evaluate a PromQL expression at a server or over a data folder')
    .argument('<expr>')
    .option('--time <time>', 'when to evaluate: Unix seconds or RFC 3339 (default: now)')
    .option('--start <time>', 'evaluate over a range: its start')
    .option('--end <time>', 'the end of the range (default: now)')
    .option('--step <duration>', 'the step of the range', '1m')
    .addOption(new Option('--output <format>', 'how to print the result').choices(['table', 'json']).default('table'))
    .action(async (expr: string, options) => (await import('./commands/query.ts')).query(expr, options))

  target(program.command('import'))
    .description("read files in Prometheus's text format or NDJSON (.gz too, - for standard input) into a server or a data folder")
    .addOption(new Option('--format <format>', 'what the files hold').choices(['prometheus', 'ndjson']).default('prometheus'))
    .argument('<files...>')
    .action(async (files: string[], options) => (await import('./commands/import.ts')).importFiles(files, options))

  target(program.command('export'))
    .description('write the samples of selected series to a file or standard output, in formats for other programs')
    .requiredOption('--match <selectors...>', 'which series, for example cpu{job="node"}')
    .addOption(new Option('--format <format>', 'the format').choices(EXPORT_FORMATS).default('jsonl'))
    .option('--start <time>', 'from here on, inclusive: Unix seconds or RFC 3339')
    .option('--end <time>', 'up to here, inclusive')
    .addOption(
      new Option('--labels <layout>', 'in parquet and arrow: a column for each label, or one with all')
        .choices(['columns', 'json'])
        .default('columns'),
    )
    .option('--fields <fields>', 'the columns of csv', '__name__,__timestamp__:rfc3339,__value__')
    .option('--output <file>', 'the file (default: standard output)')
    .action(async (options) => (await import('./commands/export.ts')).exportSeries(options))

  program
    .command('promqltest')
    .description("run Prometheus's PromQL test scripts; the last line says how many cases passed and failed")
    .argument('<files...>')
    .action(async (files: string[]) => (await import('./commands/promqltest.ts')).promqltest(files))

  program
    .command('format')
    .description('print a PromQL expression the canonical way')
    .argument('<expr>')
    .action(async (expr: string) => {
      const { ALL_FEATURES, parseExpr, prettyPrint } = await import('@tsink/promql')
      process.stdout.write(`${prettyPrint(parseExpr(expr, ALL_FEATURES))}\n`)
    })

  program
    .command('verify')
    .description('read every stored byte of a data folder and check it')
    .argument('<folder>')
    .option('--quarantine', 'set damaged segments aside', false)
    .action(async (folder: string, options) => (await import('./commands/verify.ts')).verify(folder, options))

  program
    .command('repair')
    .description('give a data folder that has lost its catalog a new one, from its copy or from the files that are there')
    .argument('<folder>')
    .addOption(new Option('--unit <unit>', 'the unit of times, where no file says it').choices(['s', 'ms', 'us', 'ns']))
    .option('--lose-deletes', 'go on when deletes may be lost: what they hid is there again', false)
    .action(async (folder: string, options) => (await import('./commands/repair.ts')).repair(folder, options))

  target(program.command('snapshot'))
    .description('make a verified copy of a store (a server needs --enable-admin-api)')
    .action(async (options) => (await import('./commands/snapshot.ts')).snapshot(options))

  const inspect = program.command('inspect').description('say what a file of the store holds')
  inspect
    .command('segment')
    .argument('<file>')
    .option('--series <n>', 'list so many series', '10')
    .option('--match <selector>', 'list the series of this selector')
    .action(async (file: string, options) => (await import('./commands/inspect.ts')).inspectSegment(file, options))
  inspect
    .command('log')
    .argument('<file>')
    .action(async (file: string) => (await import('./commands/inspect.ts')).inspectLog(file))

  return program
}

function target(command: Command): Command {
  return command
    .addOption(new Option('--url <url>', `the server (default: ${DEFAULT_URL})`).conflicts('dataPath'))
    .option('--data-path <folder>', 'work on a data folder itself; no server may be running on it')
}
