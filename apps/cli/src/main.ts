#!/usr/bin/env node
/** The tsink command line. Each command loads what it needs when it runs, so that `tsink --help` is quick. */
import { handOver } from '@tsink/host/newer-node'

if (!(await handOver(import.meta.url))) {
  const { buildProgram } = await import('./program.ts')
  const { exitStatusOf } = await import('./failure.ts')
  try {
    await buildProgram().parseAsync(process.argv)
  } catch (error) {
    process.exitCode = exitStatusOf(error)
  }
}
