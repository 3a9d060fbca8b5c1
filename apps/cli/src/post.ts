/** What commands ask of a server. */
import { TsinkError } from '@tsink/core'

/** Posts to an address of a server. @throws TsinkError CLOSED when no server is there; what it answers is the caller's. */
export async function post(address: string, body?: BodyInit): Promise<Response> {
  try {
    return await fetch(address, { method: 'POST', ...(body === undefined ? {} : { body }) })
  } catch (error) {
    const { cause, message } = error as Error
    throw new TsinkError('CLOSED', `no server answers at ${new URL(address).origin}: ${(cause as Error | undefined)?.message ?? message}`)
  }
}
