/** `pnpm tidy`: prints every place where a house rule is broken, and fails if there is one. */
import { resolve } from 'node:path'
import { checkWorkspace } from './checks.ts'
import { readWorkspace } from './workspace.ts'

const workspace = readWorkspace(resolve(import.meta.dirname, '../../..'))
const findings = checkWorkspace(workspace)
for (const { rule, path, line, message } of findings) console.log(`${path}${line > 0 ? `:${line}` : ''}: ${message} [${rule}]`)
console.log(`tidy: ${workspace.packages.length} packages, ${findings.length} findings`)
process.exitCode = findings.length > 0 ? 1 : 0
