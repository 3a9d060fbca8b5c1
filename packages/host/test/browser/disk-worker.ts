/** The worker of the browser's tests: does what a message asks for on the origin-private file system, and answers with null or with what went wrong. */
import { browserHost } from '@tsink/host/browser'
import { DISK_CASES } from '../disk-cases.ts'

export type Request =
  | { readonly do: 'case'; readonly name: string }
  | { readonly do: 'write'; readonly path: string; readonly bytes: number[] }
  | { readonly do: 'read'; readonly path: string }
  | { readonly do: 'lock' }

async function answer(request: Request): Promise<unknown> {
  switch (request.do) {
    case 'case': {
      const { disk } = await browserHost(`cases/${request.name.replaceAll(/[^a-z]/g, '-')}`)
      for (const { name } of await disk.list('')) await disk.remove(name)
      await DISK_CASES.find(({ name }) => name === request.name)!.run(disk)
      return null
    }
    case 'write': {
      const { disk } = await browserHost('kept')
      await disk.remove(request.path)
      const file = await disk.open(request.path, 'create')
      file.writeSync(new Uint8Array(request.bytes), 0)
      await file.sync()
      await file.close()
      return null
    }
    case 'read': {
      const { disk } = await browserHost('kept')
      const file = await disk.open(request.path, 'read')
      const bytes = new Uint8Array(file.sizeBytes)
      file.readSync(bytes, 0)
      await file.close()
      return [...bytes]
    }
    case 'lock': {
      const { disk } = await browserHost('kept')
      await disk.lock('lock')
      return null
    }
  }
}

globalThis.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  answer(data).then(
    (result) => globalThis.postMessage({ result }),
    (error: unknown) => globalThis.postMessage({ error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) }),
  )
})
