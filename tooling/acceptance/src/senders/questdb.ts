/** `@questdb/nodejs-client`: line protocol over HTTP, where it asks /settings first, and over TCP. */
import { Sender } from '@questdb/nodejs-client'
import { untilStored, type Stored } from '../answer.ts'
import type { Part } from '../part.ts'

export const questdb: Part = {
  name: 'questdb',
  programs: [],
  async run(suite, stage) {
    const addresses = { http: stage.address, tcp: `127.0.0.1:${stage.ports.influx}` }
    for (const [protocol, address] of Object.entries(addresses)) {
      await suite.check(`@questdb/nodejs-client: rows over ${protocol} are stored`, async () => {
        const time = Date.now() - 60_000
        const table = `questdb_${protocol}`
        const sender = await Sender.fromConfig(`${protocol}::addr=${address};auto_flush=off`)
        if (protocol === 'tcp') await sender.connect()
        for (const [i, price] of [39269.98, 39270.5].entries()) {
          sender.table(table).symbol('symbol', 'BTC-USD').symbol('side', 'sell, now')
          sender
            .floatColumn('price', price)
            .intColumn('amount', i + 1)
            .booleanColumn('open', i === 1)
          await sender.at(time + i, 'ms')
        }
        await sender.flush()
        await sender.close()
        const labels = '{side="sell, now",symbol="BTC-USD"}'
        const samples = (first: number, second: number): string => `${first}@${time / 1_000} ${second}@${(time + 1) / 1_000}`
        const want: Stored = {
          [`${table}_price${labels}`]: samples(39269.98, 39270.5),
          [`${table}_amount${labels}`]: samples(1, 2),
          [`${table}_open${labels}`]: samples(0, 1),
        }
        await untilStored(stage.url, `{__name__=~"${table}_.*"}`, want, { times: true })
      })
    }
  },
}
