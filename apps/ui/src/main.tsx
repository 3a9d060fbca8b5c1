/** Puts the page into the document. */
import { render } from 'preact'
import { App } from './app.tsx'
import './style/base.css'
import './style/page.css'
import './style/editor.css'
import './style/result.css'
import './style/explorer.css'
import './style/status.css'

render(<App />, document.getElementById('app')!)
