/** A listing of the server that a component shows: asked for when the question changes, dropped when the component goes. */
import { useEffect, useState } from 'preact/hooks'
import { ApiError, get } from './api.ts'

/** Null while it is asked for, a string with the reason when there is none. `tick` asks again, the answer before stays meanwhile. */
export function useAnswer<T extends object>(
  endpoint: string,
  parameters: Readonly<Record<string, string>> = {},
  tick = 0,
): T | string | null {
  const [answer, setAnswer] = useState<{ readonly question: string; readonly value: T | string } | null>(null)
  const question = `${endpoint}?${new URLSearchParams(parameters)}`
  useEffect(() => {
    const asking = new AbortController()
    get<T>(endpoint, parameters, asking.signal).then(
      ({ data }) => setAnswer({ question, value: data }),
      (error: unknown) => {
        if (!asking.signal.aborted) setAnswer({ question, value: error instanceof ApiError ? error.message : String(error) })
      },
    )
    return () => asking.abort()
  }, [question, tick])
  return answer?.question === question ? answer.value : null
}
