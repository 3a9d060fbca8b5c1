/** What is wrong with one line, thrown inside a parser of lines and caught where the line is: it becomes a refusal or a bad body. */
export class LineProblem extends Error {
  /** Where in the body, in bytes. */
  readonly at: number

  constructor(at: number, message: string) {
    super(message)
    this.at = at
  }
}
