#!/usr/bin/env node
/** The tsink command line. Each command loads what it needs when it runs, so that `tsink --help` is quick. */
import { buildProgram } from './program.ts'
import { exitStatusOf } from './failure.ts'

try {
  await buildProgram().parseAsync(process.argv)
} catch (error) {
  process.exitCode = exitStatusOf(error)
}
