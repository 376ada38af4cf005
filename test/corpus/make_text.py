T={
'windows-1252':'Der Hafen von Zürich öffnet um sechs Uhr. Die Gebühr für ein Boot beträgt zwölf Euro („€ 12“), größere Schiffe zahlen mehr. Wer nach Mitternacht ankommt, müsste draußen vor dem Wellenbrecher übernachten.\n',
'windows-1251':'Гавань открывается в шесть часов утра. Плата за лодку составляет двенадцать евро за ночь. Позвоните начальнику порта по двенадцатому каналу и ждите снаружи.\n',
'koi8-r':'Гавань открывается в шесть часов утра. Плата за лодку составляет двенадцать евро за ночь. Позвоните начальнику порта по двенадцатому каналу и ждите снаружи.\n',
'iso-8859-2':'Port w Łodzi otwiera się o szóstej. Opłata za łódź wynosi dwanaście euro. Proszę zadzwonić do kapitana portu i czekać na zewnątrz falochronu, aż będzie wolne miejsce.\n',
'iso-8859-7':'Το λιμάνι του Πειραιά ανοίγει στις έξι το πρωί. Το τέλος για μια βάρκα είναι δώδεκα ευρώ. Καλέστε τον λιμενάρχη και περιμένετε έξω από τον κυματοθραύστη.\n',
'shift_jis':'港は朝六時に開きます。ボートの料金は一泊十二ユーロです。港長に連絡して、防波堤の外で待ってください。\n',
'euc-kr':'항구는 아침 여섯 시에 문을 엽니다. 보트 요금은 하룻밤에 십이 유로입니다. 항만장에게 연락하고 방파제 밖에서 기다리십시오.\n',
'gb18030':'港口早上六点开放。小船的费用是每晚十二欧元。请联系港口主管，并在防波堤外等候。\n',
'big5':'港口早上六點開放。小船的費用是每晚十二歐元。請聯繫港口主管，並在防波堤外等候。\n',
'utf-16':'Der Hafen von Zürich öffnet um sechs Uhr.\r\nΤο λιμάνι ανοίγει στις έξι.\r\n',
}
import subprocess
for c,t in T.items():
    open(f'{c}.txt','wb').write(subprocess.run(['iconv','-f','UTF-8','-t',c],input=t.encode(),stdout=subprocess.PIPE,check=True).stdout)
