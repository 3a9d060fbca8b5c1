/**
 * Reserve: a file of zeros that holds space while the disk has some, and gives it up when the disk is full, so that a store can still write what
 * closing in good order takes.
 */
import type { Disk } from '@tsink/host'

const NAME = 'reserve'
const PIECE_BYTES = 1_048_576

export class Reserve {
  readonly sizeBytes: number
  readonly #disk: Disk
  readonly #dir: string
  // A removal under way.
  #going: Promise<void> = Promise.resolve()

  /** `sizeBytes` 0 is for none. */
  constructor(disk: Disk, dir: string, sizeBytes: number) {
    this.#disk = disk
    this.#dir = dir
    this.sizeBytes = sizeBytes
  }

  /** Makes the file unless it is there in its full size. @throws TsinkError as {@link Disk} does. */
  async make(): Promise<void> {
    await this.#going
    if (this.sizeBytes === 0) return
    const listing = await this.#disk.list(this.#dir)
    if (listing.some(({ name, sizeBytes }) => name === NAME && sizeBytes >= this.sizeBytes)) return
    await this.#disk.remove(this.#path)
    const file = await this.#disk.open(this.#path, 'create')
    try {
      const zeros = new Uint8Array(Math.min(this.sizeBytes, PIECE_BYTES))
      for (let at = 0; at < this.sizeBytes; at += zeros.length) file.writeSync(zeros.subarray(0, this.sizeBytes - at), at)
      await file.sync()
    } catch (error) {
      await file.close()
      await this.#disk.remove(this.#path).catch(() => undefined)
      throw error
    }
    await file.close()
  }

  /** Removes the file; resolves when it is gone, or could not be removed, which is no trouble of its own. */
  giveUp(): Promise<void> {
    if (this.sizeBytes > 0) this.#going = this.#going.then(() => this.#disk.remove(this.#path)).catch(() => undefined)
    return this.#going
  }

  get #path(): string {
    return `${this.#dir}/${NAME}`
  }
}
