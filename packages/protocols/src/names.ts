/** Names of other worlds as names that PromQL takes without quotes. */

/** `cpu.load avg` as `cpu_load_avg`; a digit in front gets an underscore. */
export function metricName(name: string): string {
  const clean = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name) ? name : name.replace(/[^a-zA-Z0-9_:]/gu, '_')
  return clean === '' || /^[0-9]/.test(clean) ? `_${clean}` : clean
}

/** As {@link metricName}, without colons. */
export function labelName(name: string): string {
  const clean = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) ? name : name.replace(/[^a-zA-Z0-9_]/gu, '_')
  return clean === '' || /^[0-9]/.test(clean) ? `_${clean}` : clean
}
