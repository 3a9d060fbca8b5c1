/**
 * LoopDisk: a file system of its own that can lose power. An image file is made into an ext4 file system and mounted over a loop device; cutting the
 * power shuts the file system down as the ioctl FS_IOC_SHUTDOWN does it without flushing its journal: what has not reached the device is gone, and
 * what the journal has is replayed when it is mounted again. It takes Linux and root.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Room for the log and segments of some hundred rounds; the image is sparse. */
const IMAGE_BYTES = 536_870_912

/** `_IOR('X', 125, __u32)`, and the flag that lets the journal go unwritten. Node has no ioctl, Perl is there wherever ext4 is. */
const SHUT_DOWN = `open(my $root, '<', $ARGV[0]) or die "$!\\n"; my $flag = pack('L', 2); ioctl($root, 0x8004587d, $flag) or die "$!\\n"`

export class LoopDisk {
  /** Where it is mounted. */
  readonly path: string
  readonly #folder: string
  readonly #image: string
  #isMounted = false

  private constructor(folder: string) {
    this.#folder = folder
    this.#image = join(folder, 'image')
    this.path = join(folder, 'mounted')
  }

  /** Why this machine cannot make one, or null. */
  static whyNot(): string | null {
    if (process.platform !== 'linux') return 'it takes Linux'
    if (process.getuid?.() !== 0) return 'it takes root'
    if (!existsSync('/dev/loop-control')) return 'there are no loop devices'
    for (const program of ['mkfs.ext4', 'mount', 'umount', 'perl']) {
      if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `${program} is not installed`
    }
    try {
      const disk = LoopDisk.make()
      disk.cutPower()
      disk.remove()
      return null
    } catch (error) {
      return (error as Error).message
    }
  }

  static make(): LoopDisk {
    const disk = new LoopDisk(mkdtempSync(join(tmpdir(), 'tsink-loop-')))
    try {
      writeFileSync(disk.#image, '')
      truncateSync(disk.#image, IMAGE_BYTES)
      mkdirSync(disk.path)
      run('mkfs.ext4', '-q', '-E', 'lazy_itable_init=0,lazy_journal_init=0', disk.#image)
      disk.#mount()
    } catch (error) {
      disk.remove()
      throw error
    }
    return disk
  }

  /** From now on nothing reaches the device, and writes and syncs fail. */
  cutPower(): void {
    run('perl', '-e', SHUT_DOWN, this.path)
  }

  /** Mounts again what has reached the device. No process may have a file of it open. */
  restore(): void {
    run('umount', this.path)
    this.#isMounted = false
    this.#mount()
  }

  remove(): void {
    if (this.#isMounted) run('umount', this.path)
    this.#isMounted = false
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #mount(): void {
    run('mount', '-o', 'loop', this.#image, this.path)
    this.#isMounted = true
  }
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(`${program} failed: ${stderr.trim()}`)
}
