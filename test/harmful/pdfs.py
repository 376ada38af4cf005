"""PDF: pages, actions, loops, streams that grow."""
import zlib

from common import case, repeated_deflate


def pdf(objects, trailer='/Root 1 0 R', prev=None):
    """objects: number -> octets of the object's body."""
    out, at = bytearray(b'%PDF-1.7\n%\xe2\xe3\xcf\xd3\n'), {}
    for n, body in objects.items():
        at[n] = len(out)
        out += b'%d 0 obj\n%s\nendobj\n' % (n, body if isinstance(body, bytes) else body.encode('latin-1'))
    start, top = len(out), max(objects) + 1
    rows = [b'0000000000 65535 f \n'] + [b'%010d 00000 n \n' % at[n] if n in at else b'0000000000 00000 f \n'
                                         for n in range(1, top)]
    out += b'xref\n0 %d\n%s' % (top, b''.join(rows))
    loop = b'' if prev is None else b' /Prev %d' % (start if prev == 'self' else prev)
    out += b'trailer\n<< /Size %d %s%s >>\nstartxref\n%d\n%%%%EOF\n' % (top, trailer.encode('latin-1'), loop, start)
    return bytes(out)


def stream(data, more=''):
    return ('<< /Length %d %s >>\nstream\n' % (len(data), more)).encode() + data + b'\nendstream'


def text(s):
    return ('BT /F1 12 Tf 72 700 Td (%s) Tj ET' % s).encode('latin-1')


FONT = '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>'


def simple(words, catalog='', page='', contents=None):
    return {1: '<< /Type /Catalog /Pages 2 0 R %s >>' % catalog, 2: '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
            3: '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >>'
               ' /Contents 4 0 R %s >>' % page,
            4: contents or stream(text(words)), 5: FONT}


WORDS = 'heron grebe puffin gannet plover dunlin curlew whimbrel godwit avocet'.split()


@case('pages-10000.pdf', 'read')
def _(c):
    o = {1: '<< /Type /Catalog /Pages 2 0 R >>', 5: FONT}
    kids = []
    for i in range(10_000):
        n = 10 + 2 * i
        kids.append('%d 0 R' % n)
        o[n] = ('<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 5 0 R >> >>'
                ' /Contents %d 0 R >>' % (n + 1))
        words = ' '.join(WORDS[i // 10**k % 10] for k in range(4))
        o[n + 1] = stream(text('The %s of page %d was seen from the tower by %s.' % (words, i, words[::-1])))
    o[2] = '<< /Type /Pages /Kids [%s] /Count 10000 >>' % ' '.join(kids)
    return pdf(o)


@case('actions.pdf', 'read', quick=True)
def _(c):
    return pdf(simple('The actions of this file are not carried out.',
                      catalog='/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> /AA << /WC << /S /Launch /F (/bin/sh) >> >>',
                      page='/AA << /O << /S /URI /URI (http://127.0.0.1:9/) >> >>'))


@case('embedded.pdf', 'read')
def _(c):
    o = simple('A file is embedded in this one.', catalog='/Names << /EmbeddedFiles << /Names [(%s) 6 0 R] >> >>' % c['evil'])
    o[6] = '<< /Type /Filespec /F (%s) /EF << /F 7 0 R >> >>' % c['evil']
    o[7] = stream(b'x', '/Type /EmbeddedFile')
    return pdf(o)


@case('external-stream.pdf', 'any')
def _(c):
    return pdf(simple('', contents=('<< /Length 0 /F (%s) >>\nstream\n\nendstream' % c['secret']).encode()))


@case('loop-pages.pdf', 'any', quick=True)
def _(c):
    o = simple('x')
    o[2] = '<< /Type /Pages /Kids [2 0 R 3 0 R 2 0 R] /Parent 2 0 R /Count 2000000000 >>'
    return pdf(o)


@case('loop-object.pdf', 'any', quick=True)
def _(c):
    o = simple('x')
    o[4], o[6] = '6 0 R', '4 0 R'
    return pdf(o)


@case('loop-length.pdf', 'any')
def _(c):
    o = simple('x')
    o[4] = b'<< /Length 4 0 R >>\nstream\nx\nendstream'
    return pdf(o)


@case('loop-xref.pdf', 'any', quick=True)
def _(c):
    return pdf(simple('x'), prev='self')


@case('loop-form.pdf', 'any', quick=True)
def _(c):
    """A drawing that draws itself twice."""
    o = simple('', contents=stream(b'/X Do'))
    o[3] = ('<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /XObject << /X 6 0 R >> >>'
            ' /Contents 4 0 R >>')
    o[6] = stream(b'/X Do /X Do', '/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>')
    return pdf(o)


@case('bomb-forms.pdf', 'any')
def _(c):
    """Twenty levels of drawings, each drawing the next ten times."""
    o = simple('', contents=stream(b'/X Do'))
    o[3] = ('<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /XObject << /X 6 0 R >>'
            ' /Font << /F1 5 0 R >> >> /Contents 4 0 R >>')
    for i in range(20):
        last = i == 19
        o[6 + i] = stream(text('ha') if last else b'/X Do ' * 10, '/Type /XObject /Subtype /Form /BBox [0 0 999 999]'
                          ' /Resources << /Font << /F1 5 0 R >> %s >>'
                          % ('' if last else '/XObject << /X %d 0 R >>' % (7 + i)))
    return pdf(o)


def zlib_of(raw):
    return b'\x78\xda' + raw + b'\0\0\0\0'


@case('bomb-flate.pdf')
def _(c):
    raw, _, _ = repeated_deflate(b' ' * 2**20, 1000, check=False)
    return pdf(simple('', contents=stream(zlib_of(raw), '/Filter /FlateDecode')))


@case('bomb-flate-twice.pdf', 'any')
def _(c):
    raw, _, _ = repeated_deflate(b'(a) Tj ' * 2**17, 3000, check=False)
    return pdf(simple('', contents=stream(zlib.compress(zlib_of(raw), 9), '/Filter [/FlateDecode /FlateDecode]')))


@case('bomb-filters.pdf', 'any', quick=True)
def _(c):
    return pdf(simple('', contents=stream(b'x' * 100, '/Filter [%s]' % ('/ASCIIHexDecode /FlateDecode ' * c['n'](300, 5000)))))


@case('bomb-text.pdf')
def _(c):
    """Ninety megabytes of words."""
    raw, _, _ = repeated_deflate(b'(words of a bomb) Tj 0 -1 Td ' * 5000, 1100, b'BT /F1 1 Tf 1 0 0 1 10 700 Tm ', b' ET',
                                 check=False)
    return pdf(simple('', contents=stream(zlib_of(raw), '/Filter /FlateDecode')))


@case('deep-array.pdf', 'any', quick=True)
def _(c):
    return pdf({**simple('x', page='/Deep %s1%s' % ('[' * 100_000, ']' * 100_000))})


@case('deep-pages.pdf', 'any')
def _(c):
    o = simple('x')
    for i in range(50_000):
        o[10 + i] = '<< /Type /Pages /Kids [%d 0 R] /Count 1 /Parent %d 0 R >>' % (11 + i if i < 49_999 else 3, 9 + i if i else 2)
    o[2] = '<< /Type /Pages /Kids [10 0 R] /Count 1 >>'
    return pdf(o)


@case('size.pdf', 'any', quick=True)
def _(c):
    return pdf(simple('x')).replace(b'/Size 6', b'/Size 2147483647').replace(b'0 6\n', b'0 2147483647\n')


@case('media-box.pdf', 'any')
def _(c):
    return pdf(simple('x')).replace(b'[0 0 612 792]', b'[-1e38 -1e38 1e38 1e38]')


@case('image.pdf', 'any')
def _(c):
    o = simple('', contents=stream(b'/X Do'))
    o[3] = ('<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /XObject << /X 6 0 R >> >>'
            ' /Contents 4 0 R >>')
    o[6] = stream(b'x', '/Type /XObject /Subtype /Image /Width 2147483647 /Height 2147483647 /BitsPerComponent 16'
                        ' /ColorSpace /DeviceRGB /Filter /JPXDecode')
    return pdf(o)


@case('encrypted.pdf', 'refused', quick=True, why='password')
def _(c):
    return pdf(simple('x'), trailer='/Root 1 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>]'
               ' /Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -4 /O <%s> /U <%s> >>' % ('ab' * 32, 'cd' * 32))


@case('only-a-header.pdf', 'refused', quick=True)
def _(c):
    return b'%PDF-1.7\n'


@case('not-a.pdf', 'refused', quick=True)
def _(c):
    return b'This is no PDF, whatever it is called.'


for k, part in enumerate((0.1, 0.5, 0.9, 0.99)):
    case('truncated-%d-a.pdf' % k, 'any', quick=k == 1)(
        lambda c, p=part: (lambda whole: whole[:int(len(whole) * p)])(pdf(simple('An ordinary sentence about herons.'))))
