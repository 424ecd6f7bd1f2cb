'use strict';
// The fragment keeps what is shown: #cut=25 moves every slider, &frame=0 chooses what was made first.
const shown = new URLSearchParams(location.hash.slice(1));

function remember(key, value) {
  shown.set(key, value);
  history.replaceState(null, '', '#' + shown);
}

for (const box of document.querySelectorAll('.compare')) {
  const cut = box.querySelector('.cut');
  const frame = box.querySelector('.frame');
  const label = box.querySelector('.label');

  const showCut = () => box.style.setProperty('--cut', cut.value + '%');
  const showFrame = () => {
    for (const image of box.querySelectorAll('.after')) image.hidden = image.dataset.frame !== frame.value;
    label.textContent = label.dataset.names.split('\n')[frame.value];
  };

  if (shown.has('cut')) cut.value = shown.get('cut');
  if (shown.has('frame')) frame.value = shown.get('frame');
  cut.addEventListener('input', () => { showCut(); remember('cut', cut.value); });
  frame.addEventListener('input', () => { showFrame(); remember('frame', frame.value); });
  for (const pair of box.querySelectorAll('.pair')) {
    pair.addEventListener('pointermove', (event) => {
      if (event.pointerType === 'touch' && event.buttons === 0) return;
      const place = pair.getBoundingClientRect();
      cut.value = 100 * (event.clientX - place.left) / place.width;
      showCut();
    });
  }
  showCut();
  showFrame();
}
document.documentElement.dataset.ready = 'yes';
