/** A part of the suite: one real client, or a family of them, against the server. `--only NAME` runs it alone. */
import type { ProgramName } from './programs.ts'
import type { Stage } from './stage.ts'
import type { Suite } from './suite.ts'

export interface Part {
  readonly name: string
  /** What it runs; without them the part is skipped. */
  readonly programs: readonly ProgramName[]
  /** Parts whose data it looks at. */
  readonly after?: readonly string[]
  /** What else is missing, or null; the part is skipped for it. */
  lacks?(): string | null
  run(suite: Suite, stage: Stage): Promise<void>
}
