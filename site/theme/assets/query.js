/* Where a query lives, and the start of its page: on the open site at once, on the sealed one as the loader shows it. */
(function () {
  'use strict';

  const {query} = window.xueshiPage;
  const find = (selector, root) => (root || document).querySelector(selector);
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const isSealed = Boolean(window.xueshi && window.xueshi.chunk);

  // ---- the open site: the query is in the address

  function open() {
    const root = find('[data-query]');
    if (!root) return;
    const keep = params => {
      const text = String(params);
      history.replaceState(history.state, '', location.pathname + (text ? '?' + text : '') + location.hash);
    };
    query(root, {keep, link: params => `${location.origin}${location.pathname}${String(params) ? '?' + params : ''}`}).ask(location.search);
  }

  // ---- the sealed site: a query may name somebody, so that it never comes into the address by itself, where a server, a
  // history or a messenger sees it. This entry of the history remembers it; a link made to be shared has it as a fragment.

  const MARK = '#query?';
  const known = new Map(); // by root
  let wanted = null, tried = 0;

  function takeWanted() {
    if (!location.hash.startsWith(MARK)) return false;
    [wanted, tried] = [location.hash.slice(MARK.length), 0];
    history.replaceState(history.state, '', location.pathname + location.search);
    return true;
  }
  const address = {
    keep: params => history.replaceState(Object.assign({}, history.state, {query: String(params)}), ''),
    // The loader takes k1 in a fragment for the begin of a key.
    link: params => location.origin + location.pathname + MARK + String(params).replace(/k1/gi, found => '%6' + (found[0] === 'k' ? 'b' : 'B') + '1'),
  };

  /** A report came into view: where a query was asked for, on to the tab that can answer it. */
  function arrive() {
    const root = find('[data-view] [data-query]'), tabs = all('[data-tabs] [data-kind=query]');
    const branch = wanted && new URLSearchParams(wanted).get('branch');
    const fits = root && (!branch || [undefined, branch].includes(root.dataset.unit));
    if (wanted !== null && !fits && tried < tabs.length) return tabs[tried++].click();
    if (!root) return undefined;
    const isNew = !known.has(root);
    if (isNew) known.set(root, query(root, address));
    if (wanted !== null || isNew) known.get(root).ask(wanted === null ? (history.state || {}).query || '' : wanted);
    wanted = null;
    return undefined;
  }

  function style() {
    const href = document.currentScript.src.replace('query.js', 'query.css');
    document.head.append(Object.assign(document.createElement('link'), {rel: 'stylesheet', href}));
  }

  if (isSealed) {
    style();
    takeWanted();
    document.addEventListener('xueshi:page', arrive);
    // A report that is shown again brings no event.
    addEventListener('hashchange', () => { if (takeWanted()) { tried = 0; arrive(); } });
    new MutationObserver(arrive).observe(find('[data-view]'), {childList: true});
  } else {
    document.addEventListener('DOMContentLoaded', open);
  }
}());
