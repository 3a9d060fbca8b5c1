/** What the telnet listener answers: nothing to a good put, one line to a bad one and to the few commands that clients send. */

/** The answer to a line that is no put, or null when there is none. */
export function openTsdbReply(line: string): string | null {
  switch (line.trim().split(/\s+/)[0]) {
    case 'version':
      return 'tsink speaks the put command of OpenTSDB 2.4\n'
    case 'help':
      return 'put <metric> <timestamp> <value> <tag=value> ...\n'
    default:
      return null
  }
}
