/** `influx` of npm, the client of InfluxDB 1. */
import { FieldType, InfluxDB } from 'influx'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'

export const influxV1: Part = {
  name: 'influx-v1',
  programs: [],
  async run(suite, stage) {
    const { hostname, port } = new URL(stage.url)
    const schema = [
      {
        measurement: 'v1_air',
        tags: ['room'],
        fields: { temperature: FieldType.FLOAT, persons: FieldType.INTEGER, open: FieldType.BOOLEAN },
      },
    ]
    const client = new InfluxDB({ host: hostname, port: Number(port), database: 'house', schema })

    await suite.check('influx (npm): ping, create database, database names', async () => {
      const [answer] = await client.ping(5_000)
      if (answer?.online !== true || !answer.version) throw new Error(`ping says ${JSON.stringify(answer)}`)
      await client.createDatabase('house')
      const names = await client.getDatabaseNames()
      if (!names.includes('tsink')) throw new Error(`the databases are ${names.join(', ')}`)
    })
    await suite.check('influx (npm): writePoints stores floats, integers and booleans', async () => {
      const timestamp = new Date(Date.now() - 60_000)
      const fields = { temperature: 21.5, persons: 3, open: false }
      await client.writePoints([{ measurement: 'v1_air', tags: { room: 'a, b=c' }, fields, timestamp }])
      const labels = '{influx_db="house",room="a, b=c"}'
      const seconds = timestamp.getTime() / 1_000
      await untilStored(
        stage.url,
        '{__name__=~"v1_air_.*"}',
        {
          [`v1_air_temperature${labels}`]: `21.5@${seconds}`,
          [`v1_air_persons${labels}`]: `3@${seconds}`,
          [`v1_air_open${labels}`]: `0@${seconds}`,
        },
        { times: true },
      )
    })
    await suite.check('influx (npm): a query is refused with a hint', async () => {
      const refusal = await client.query('SELECT * FROM v1_air').then(
        () => 'nothing',
        (error: Error) => error.message,
      )
      if (!refusal.includes('InfluxQL is not served')) throw new Error(`it was refused with ${refusal}`)
    })
  },
}
