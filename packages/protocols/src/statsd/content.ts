/** The dialects of tags that extend StatsD, all taken unless switched off. */
export interface StatsdDialects {
  /** `name:1|c|#tag:value,tag:value`, and `|c:container` and `|T1656581400` behind it. */
  readonly dogstatsd?: boolean
  /** `name,tag=value,tag=value:1|c` */
  readonly influxdb?: boolean
  /** `name#tag=value,tag=value:1|c` */
  readonly librato?: boolean
  /** `na[tag=value,tag=value]me:1|c` */
  readonly signalfx?: boolean
}
