/** Writes docs/reference/config.md from the config table. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { printReference } from './config-text.ts'

writeFileSync(join(import.meta.dirname, '../../../docs/reference/config.md'), printReference())
