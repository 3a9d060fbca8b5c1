/**
 * collectd with every way out that we have a way in for: Graphite over TCP, UDP and with tags, OpenTSDB, JSON over HTTP, line protocol over
 * UDP, and a page that we scrape. What it sends is put into it by its unix socket, so every value and time is known.
 */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { untilStored, type Stored } from '../answer.ts'
import type { Part } from '../part.ts'
import type { Stage } from '../stage.ts'

export const collectd: Part = {
  name: 'collectd',
  programs: ['collectd'],
  async run(suite, stage) {
    const { socket, page } = await startCollectd(stage)
    const seconds = Math.floor(Date.now() / 1_000) - 30
    const interval = 'interval=10'
    await command(socket, `PUTVAL web01/room-kitchen/temperature-air ${interval} ${seconds}:21.5`)
    await command(socket, `PUTVAL web01/interface-eth0/if_octets ${interval} ${seconds}:1000:2000`)
    await command(socket, `PUTVAL web01/room-kitchen/temperature-air ${interval} ${seconds + 10}:22.25`)
    await command(socket, `PUTVAL web01/interface-eth0/if_octets ${interval} ${seconds + 10}:1500:2600`)
    await command(socket, 'FLUSH')

    const air = `21.5@${seconds} 22.25@${seconds + 10}`
    const received = `1000@${seconds} 1500@${seconds + 10}`
    const sent = `2000@${seconds} 2600@${seconds + 10}`
    const check = (what: string, selector: string, want: Stored): Promise<void> =>
      suite.check(`collectd's ${what}`, () => untilStored(stage.url, selector, want, { times: true }))

    for (const way of ['tcp', 'udp']) {
      await check(`write_graphite over ${way.toUpperCase()}`, `{__name__=~"collectd_${way}_.*"}`, {
        [`collectd_${way}_web01_room_kitchen_temperature_air`]: air,
        [`collectd_${way}_web01_interface_eth0_if_octets_rx`]: received,
        [`collectd_${way}_web01_interface_eth0_if_octets_tx`]: sent,
      })
    }
    const eth0 = 'ds_name="rx",host="web01",plugin="interface",plugin_instance="eth0",type="if_octets"'
    await check('write_graphite with tags', '{__name__=~"collectd_tags_.*"}', {
      'collectd_tags_room_temperature{host="web01",plugin="room",plugin_instance="kitchen",type="temperature",type_instance="air"}': air,
      [`collectd_tags_interface_if_octets_rx{${eth0}}`]: received,
      [`collectd_tags_interface_if_octets_tx{${eth0.replace('rx', 'tx')}}`]: sent,
    })
    await check('write_tsdb', '{fqdn="web01"}', {
      'room_kitchen_temperature_air{dc="eu",fqdn="web01"}': air,
      'interface_eth0_if_octets_rx{dc="eu",fqdn="web01"}': received,
      'interface_eth0_if_octets_tx{dc="eu",fqdn="web01"}': sent,
    })
    await check('write_http', '{instance="web01",__name__=~"collectd_.*"}', {
      'collectd_room_temperature{instance="web01",room="kitchen",type="air"}': air,
      'collectd_interface_if_octets_rx_total{instance="web01",interface="eth0"}': received,
      'collectd_interface_if_octets_tx_total{instance="web01",interface="eth0"}': sent,
    })
    await check('write_influxdb_udp', '{host="web01",__name__=~"room|interface_.*"}', {
      'room{host="web01",instance="kitchen",type="temperature",type_instance="air"}': air,
      'interface_rx{host="web01",instance="eth0",type="if_octets"}': received,
      'interface_tx{host="web01",instance="eth0",type="if_octets"}': sent,
    })
    // The page shows the newest value with its time, which is what is stored.
    stage.scrape('collectd', page)
    const scraped = `instance="${page}",`
    await check('write_prometheus, scraped', '{job="collectd",__name__=~"collectd_.*"}', {
      [`collectd_room_temperature{exported_instance="web01",${scraped}job="collectd",room="kitchen",type="air"}`]: `22.25@${seconds + 10}`,
      [`collectd_interface_if_octets_rx_total{exported_instance="web01",${scraped}interface="eth0",job="collectd"}`]: `1500@${seconds + 10}`,
      [`collectd_interface_if_octets_tx_total{exported_instance="web01",${scraped}interface="eth0",job="collectd"}`]: `2600@${seconds + 10}`,
    })
  },
}

/** Starts collectd: the path of its unix socket, and the address of its page for Prometheus. */
async function startCollectd(stage: Stage): Promise<{ readonly socket: string; readonly page: string }> {
  const folder = stage.makeFolder('collectd')
  const socket = join(folder, 'socket')
  const port = await freePort()
  const graphite = (name: string, more = ''): string =>
    `<Node "${name}">
    Host "127.0.0.1"
    Port "${stage.ports.graphite}"
    Prefix "collectd.${name}."
    StoreRates false
    ${more}
  </Node>`
  const config = join(folder, 'collectd.conf')
  writeFileSync(
    config,
    `Hostname "web01"
FQDNLookup false
BaseDir "${folder}"
PIDFile "${join(folder, 'pid')}"
Interval 1
LoadPlugin unixsock
LoadPlugin write_graphite
LoadPlugin write_tsdb
LoadPlugin write_http
LoadPlugin write_influxdb_udp
LoadPlugin write_prometheus
<Plugin unixsock>
  SocketFile "${socket}"
</Plugin>
<Plugin write_graphite>
  ${graphite('tcp', 'Protocol "tcp"')}
  ${graphite('udp', 'Protocol "udp"')}
  ${graphite('tags', 'UseTags true')}
</Plugin>
<Plugin write_tsdb>
  <Node "tsdb">
    Host "127.0.0.1"
    Port "${stage.ports.opentsdb}"
    HostTags "dc=eu"
    StoreRates false
  </Node>
</Plugin>
<Plugin write_http>
  <Node "http">
    URL "${stage.url}/collectd"
    Format "JSON"
    StoreRates false
  </Node>
</Plugin>
<Plugin write_influxdb_udp>
  Server "127.0.0.1" "${stage.ports.influx}"
  StoreRates false
</Plugin>
<Plugin write_prometheus>
  Host "127.0.0.1"
  Port "${port}"
</Plugin>
`,
  )
  const program = stage.start('collectd', ['-f', '-C', config])
  await program.until(async () => (await command(socket, 'LISTVAL')).startsWith('0'), 'does not answer at its socket')
  return { socket, page: `127.0.0.1:${port}` }
}

/** One command to collectd's unix socket. @throws Error with its answer when that is a refusal. */
function command(path: string, line: string): Promise<string> {
  return new Promise((done, fail) => {
    const socket = connect(path)
    socket.on('error', fail)
    socket.once('data', (answer) => {
      socket.destroy()
      const text = answer.toString()
      if (text.startsWith('-')) fail(new Error(`collectd answered ${text} to ${line}`))
      else done(text)
    })
    socket.write(`${line}\n`)
  })
}
