/**
 * Notifications: what whoever looks at the page should know at once, in the shape of Prometheus's notifications. They follow from the server's state,
 * which is looked at when somebody asks, and once a second while somebody listens.
 */
import type { ServerContext } from './context.ts'

export interface Notification {
  readonly text: string
  /** When it was first seen. */
  readonly date: string
  readonly active: boolean
}

/** Listeners at once; each keeps a connection open. */
const MAX_LISTENERS = 16
const LOOK_MS = 1_000

export class Notifications {
  readonly #context: ServerContext
  readonly #known = new Map<string, Notification>()
  readonly #listeners = new Map<(notification: Notification) => void, () => void>()
  #timer: NodeJS.Timeout | null = null

  constructor(context: ServerContext) {
    this.#context = context
  }

  /** What holds now. */
  list(): readonly Notification[] {
    this.#look()
    return [...this.#known.values()]
  }

  /** Tells what changes from now on, and when it is over; null when there are too many listeners already. Calling the answer ends it. */
  listen(listener: (notification: Notification) => void, over: () => void): (() => void) | null {
    if (this.#listeners.size >= MAX_LISTENERS) return null
    this.#listeners.set(listener, over)
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS).unref()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0 || this.#timer === null) return
      clearInterval(this.#timer)
      this.#timer = null
    }
  }

  /** Tells the last of it, and all listeners that it is over. */
  end(): void {
    this.#look()
    for (const over of this.#listeners.values()) over()
  }

  #look(): void {
    const texts = new Set(textsOf(this.#context))
    for (const text of texts) {
      if (!this.#known.has(text)) this.#tell({ text, date: new Date().toISOString(), active: true })
    }
    for (const known of this.#known.values()) if (!texts.has(known.text)) this.#tell({ ...known, active: false })
  }

  #tell(notification: Notification): void {
    if (notification.active) this.#known.set(notification.text, notification)
    else this.#known.delete(notification.text)
    for (const listener of this.#listeners.keys()) listener(notification)
  }
}

function* textsOf({ phase, scraper, engine }: ServerContext): Generator<string, void, undefined> {
  if (phase === 'replaying') yield 'The server is starting and replays its log.'
  if (phase === 'stopping') yield 'The server is stopping.'
  if (scraper?.loadedWell === false) yield 'The scrape configuration could not be loaded; the one before goes on.'
  const readOnly = phase === 'ready' ? (engine?.stats().readOnly ?? null) : null
  if (readOnly !== null) yield `The store takes no writes: ${readOnly}`
}
