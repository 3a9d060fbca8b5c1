/** A list of named checks: each is run, told, and counted. */
export class Suite {
  passed = 0
  failed = 0
  skipped = 0

  /** Runs a check; an error that it throws fails it, and nothing else. */
  async check(name: string, run: () => Promise<void> | void): Promise<void> {
    try {
      await run()
      this.passed++
      console.log(`ok    ${name}`)
    } catch (error) {
      this.failed++
      console.log(`FAIL  ${name}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  /** Says what is not checked here, and why. */
  skip(name: string, why: string): void {
    this.skipped++
    console.log(`skip  ${name}: skipped, because ${why}`)
  }

  /** The closing line, and the exit status. */
  close(): number {
    console.log(`${this.passed} passed, ${this.failed} failed${this.skipped > 0 ? `, ${this.skipped} skipped` : ''}`)
    return this.failed === 0 && this.passed > 0 ? 0 : 1
  }
}
