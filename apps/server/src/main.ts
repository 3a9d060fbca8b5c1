#!/usr/bin/env node
/** The server as a program: `node main.js --listen 127.0.0.1:9201 --data-path DIR`. */
import { handOver } from '@tsink/host/newer-node'

if (!(await handOver(import.meta.url))) {
  const { serve } = await import('./serve.ts')
  // Not `process.exit` before the work is done: standard error may still be on its way out of a pipe.
  process.exitCode = await serve(process.argv.slice(2), process.env)
}
