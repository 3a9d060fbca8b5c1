/** Whether the page is dark, which what is drawn on a canvas has to know. */
import { useEffect, useState } from 'preact/hooks'

const query = matchMedia('(prefers-color-scheme: light)')

export function useDark(): boolean {
  const [dark, setDark] = useState(!query.matches)
  useEffect(() => {
    const follow = (): void => setDark(!query.matches)
    query.addEventListener('change', follow)
    return () => query.removeEventListener('change', follow)
  }, [])
  return dark
}
