/** A query that takes its time: how long already, and a way to end it. The server stops working on it when nobody waits any more. */
import { useEffect, useState } from 'preact/hooks'

/** Sooner it would only flicker. */
const SHOWN_AFTER_MS = 800

export function Running({ onStop }: { readonly onStop: () => void }) {
  const [seconds, setSeconds] = useState(0)
  useEffect(() => {
    const began = performance.now()
    const timer = setInterval(() => setSeconds((performance.now() - began) / 1_000), SHOWN_AFTER_MS)
    return () => clearInterval(timer)
  }, [])
  if (seconds === 0) return null
  return (
    <p class="running" role="status">
      <span class="spinner" aria-hidden="true" /> Running for {Math.round(seconds)} s{' '}
      <button type="button" class="link" onClick={onStop}>
        Stop
      </button>
    </p>
  )
}
