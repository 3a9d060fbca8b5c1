/** Background: the work that a store does by itself. */
import type { Parts } from './parts.ts'

export class Background {
  wake(): void {}
  room(_: Parts): Promise<void> | null {
    return null
  }
  freeze(parts: Parts): void {
    parts.heads.freeze()
  }
}
